const findReply = id => (props.value?.items || []).map(item => item.reply).find(reply => reply && String(reply.id) === String(id));
const findItem = id => (props.value?.items || []).find(item => String(item.message_id) === String(id));
const write = detail => document.dispatchEvent(new CustomEvent('cf:write', {detail}));
const rank = (comparison, order) => { props.value = {...props.value, ranking: {id: String(comparison), order}}; };
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
  rate: (button, {reply, value}) => deliver('rate', {reply_id: reply, value}),
  flag: (button, {reply, flag}) => deliver('mark', {reply_id: reply, flag}),
  comment: (button, {reply}) => write({kind: 'comment', reply_id: reply, text: findReply(reply)?.comment ?? '', opener: button}),
  edit: (button, {message}) => write({kind: 'revise', message_id: message, text: findItem(message)?.user ?? '', opener: button}),
  variant: (button, {to}) => deliver('variant', {message_id: to}),
  chip: (button, {reply, reason}) => deliver('chip', {reply_id: reply, reason}),
  sibling: (button, {to}) => deliver('sibling', {reply_id: to}),
  regenerate: (button, {message}) => { trigger('regenerate', {message_id: message}); document.dispatchEvent(new Event('cf:asked')); },
  undo: (button, {reply, id}) => deliver('undo', {feedback_id: id, reply_id: reply}),
  write: (button, {reply}) => write({kind: 'rewrite', reply_id: reply, text: findReply(reply)?.text ?? '', opener: button}),
  vote: (button, {comparison, outcome}) => {
    rest(...button.closest('.compare').querySelectorAll('.vote'));
    button.classList.add('chosen');
    deliver('vote', {comparison_id: comparison, outcome});
  },
  ranking: (button, {comparison}) => rank(comparison, []),
  unrank: () => { props.value = {...props.value, ranking: null}; },
  place: (button, {comparison, place}) => {
    const before = props.value.ranking.order, order = before.filter(each => each !== Number(place));
    rank(comparison, order.length < before.length ? order : [...order, Number(place)]);
  },
  save_rank: (button, {comparison}) => {
    const {order} = props.value.ranking;
    rest(button);
    deliver('rank', {comparison_id: comparison, order: order.join(',')});
  },
  start: (button, {text}) => document.dispatchEvent(new CustomEvent('cf:send', {detail: text})),
  earlier: () => trigger('earlier', {last: (props.value.last || 50) + 50}),
};
onPress((button, facts) => acts[facts.do]?.(button, facts));
element.addEventListener('click', event => {
  const code = event.target.closest('.copy-code');
  if (code) copy(code, code.closest('.code').querySelector('code').textContent);
});
