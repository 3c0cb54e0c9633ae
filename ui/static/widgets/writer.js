// One dialog for the three things that are written about a turn.
const dialog = element.querySelector('dialog');
const box = element.querySelector('textarea');
let asked = {};
const save = teaches => {
  const text = box.value.trim();
  if (!text || (text === asked.text.trim() && asked.kind !== 'revise')) return box.focus();
  if (asked.kind === 'revise') {
    if (document.documentElement.hasAttribute('data-writing')) return;
    trigger('revise', {message_id: asked.message_id, text: box.value, client_id: once()});
    document.dispatchEvent(new Event('cf:asked'));
  } else if (asked.kind === 'comment') deliver('comment', {reply_id: asked.reply_id, text: box.value});
  else if (teaches) deliver('rewrite', {reply_id: asked.reply_id, text: box.value});
  else deliver('reword', {reply_id: asked.reply_id, text: box.value});
  dialog.close();
};
document.addEventListener('cf:write', event => {
  asked = event.detail;
  element.querySelector('h2').textContent = WORDS[asked.kind];
  element.querySelector('.lead').textContent = WORDS[asked.kind + '_means'];
  element.querySelector('[data-do=save]').textContent = WORDS[asked.kind + '_save'];
  element.querySelector('[data-do=plain]').hidden = asked.kind !== 'rewrite';
  box.value = asked.text;
  box.rows = asked.kind === 'rewrite' ? 12 : 4;
  dialog.showModal(); box.focus();
});
dialog.addEventListener('close', () => asked.opener?.isConnected && asked.opener.focus());
const acts = {close: () => dialog.close(), save: () => save(true), plain: () => save(false)};
onPress((button, facts) => acts[facts.do]());
element.addEventListener('click', event => { if (event.target === dialog) dialog.close(); });
box.addEventListener('keydown', event => {
  if (event.key !== 'Escape') event.stopPropagation();
  const sends = event.ctrlKey || event.metaKey || (asked.kind === 'revise' && !event.shiftKey);
  if (event.key === 'Enter' && sends) { event.preventDefault(); save(true); }
});
