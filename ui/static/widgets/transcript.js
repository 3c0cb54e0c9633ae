const findReply = id => (props.value?.items || []).map(item => item.reply).find(reply => reply && String(reply.id) === String(id));
let looking = 0;
watch('value', () => {
  document.dispatchEvent(new CustomEvent('cf:transcript', {detail: props.value}));
  clearTimeout(looking);
  if (props.value?.writing) looking = setTimeout(lookAgain, 400);
});
// An answer that another tab writes, or that was just stopped: look until it is complete.
const lookAgain = () => {
  if (document.hidden || document.documentElement.dataset.busy) { looking = setTimeout(lookAgain, 400); return; }
  trigger('settle', {});
  looking = setTimeout(lookAgain, 1000);
};

const copy = async (button, text) => {
  try { await navigator.clipboard.writeText(text); } catch { return; }
  button.classList.add('copied');
  const was = button.getAttribute('aria-label');
  button.setAttribute('aria-label', 'Copied');
  setTimeout(() => { button.classList.remove('copied'); was ? button.setAttribute('aria-label', was) : button.removeAttribute('aria-label'); }, 1500);
};

const acts = {
  copy: (button, {reply}) => copy(button, findReply(reply)?.text ?? ''),
  thumb: (button, {reply, value, pressed}) => deliver('thumb', {reply_id: reply, value: pressed ? 0 : Number(value)}),
  chip: (button, {reply, reason}) => deliver('chip', {reply_id: reply, reason}),
  sibling: (button, {to}) => deliver('sibling', {reply_id: to}),
  regenerate: (button, {message}) => { trigger('regenerate', {message_id: message}); document.dispatchEvent(new Event('cf:asked')); },
  undo: (button, {reply, id}) => deliver('undo', {feedback_id: id, reply_id: reply}),
  write: (button, {reply}) => document.dispatchEvent(new CustomEvent('cf:write', {detail: {reply_id: reply, text: findReply(reply)?.text ?? '', opener: button}})),
  vote: (button, {comparison, outcome}) => {
    rest(...button.closest('.compare').querySelectorAll('.vote'));
    button.classList.add('chosen');
    deliver('vote', {comparison_id: comparison, outcome});
  },
  start: (button, {text}) => document.dispatchEvent(new CustomEvent('cf:send', {detail: text})),
  earlier: () => trigger('earlier', {last: (props.value.last || 50) + 50}),
};
onPress((button, facts) => acts[facts.do]?.(button, facts));
element.addEventListener('click', event => {
  const code = event.target.closest('.copy-code');
  if (code) copy(code, code.closest('.code').querySelector('code').textContent);
});
