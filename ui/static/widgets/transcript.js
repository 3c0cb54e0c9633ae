const once = () => (crypto.randomUUID ? crypto.randomUUID() : Date.now() + '-' + Math.random().toString(36).slice(2));
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
  copy: (button, reply) => copy(button, findReply(reply)?.text ?? ''),
  thumb: (button, reply) => {
    const value = button.getAttribute('aria-pressed') === 'true' ? 0 : Number(button.dataset.value);
    trigger('thumb', {reply_id: reply, value, client_id: once()});
  },
  chip: (button, reply) => trigger('chip', {reply_id: reply, reason: button.dataset.reason, client_id: once()}),
  sibling: button => trigger('sibling', {reply_id: button.dataset.to}),
  regenerate: button => trigger('regenerate', {message_id: button.closest('.exchange').dataset.message}),
  undo: (button, reply) => trigger('undo', {feedback_id: button.dataset.id, reply_id: reply, client_id: once()}),
  write: (button, reply) => document.dispatchEvent(new CustomEvent('cf:write', {detail: {reply_id: reply, text: findReply(reply)?.text ?? '', opener: button}})),
  vote: button => {
    const box = button.closest('.compare');
    rest(...box.querySelectorAll('.vote'));
    button.classList.add('chosen');
    trigger('vote', {comparison_id: box.dataset.comparison, outcome: button.dataset.outcome, client_id: once()});
  },
  start: button => document.dispatchEvent(new CustomEvent('cf:send', {detail: button.dataset.text})),
  earlier: () => trigger('earlier', {last: (props.value.last || 50) + 50}),
};

element.addEventListener('click', event => {
  const code = event.target.closest('.copy-code');
  if (code) return copy(code, code.closest('.code').querySelector('code').textContent);
  const button = event.target.closest('[data-do]');
  if (button && !button.disabled) acts[button.dataset.do]?.(button, button.closest('.answer')?.dataset.reply);
});
