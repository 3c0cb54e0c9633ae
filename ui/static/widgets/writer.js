const dialog = element.querySelector('dialog');
const box = element.querySelector('textarea');
let replyId = null, opener = null, before = '';
const save = () => {
  const text = box.value.trim();
  if (!text || text === before.trim()) return box.focus();
  deliver('rewrite', {reply_id: replyId, text: box.value});
  dialog.close();
};
document.addEventListener('cf:write', event => {
  replyId = event.detail.reply_id; opener = event.detail.opener; before = event.detail.text;
  box.value = before;
  dialog.showModal(); box.focus();
});
dialog.addEventListener('close', () => opener?.isConnected && opener.focus());
element.addEventListener('click', event => {
  const act = event.target.closest('[data-do]')?.dataset.do;
  if (act === 'close' || event.target === dialog) dialog.close();
  if (act === 'save') save();
});
box.addEventListener('keydown', event => {
  event.stopPropagation();
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) save();
});
