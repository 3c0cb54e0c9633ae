const findReply = id => list(props.value?.items).map(item => item.reply).find(reply => reply && String(reply.id) === String(id));
const findItem = id => list(props.value?.items).find(item => String(item.message_id) === String(id));
const write = detail => document.dispatchEvent(new CustomEvent('cf:write', {detail}));
const rank = (comparison, order) => { props.value = {...props.value, ranking: {id: String(comparison), order}}; };
let looking = 0;
watch('value', () => {
  document.dispatchEvent(new CustomEvent('cf:transcript', {detail: {...props.value, items: list(props.value?.items)}}));
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
  button.setAttribute('aria-label', WORDS.copied);
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
  go_on: (button, {reply}) => { trigger('go_on', {reply_id: reply}); document.dispatchEvent(new Event('cf:asked')); },
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
// Letters are put in order by dragging, with a mouse, a pen or a finger. They change places as they
// are dragged over one another; where they stand when they are let go is the order.
const NEAR = 6; // px a press may wander before it is a drag
let drag = null, dragged = false;
const sorted = () => [...drag.letters].sort((a, b) => a.style.order - b.style.order);
const startDrag = letter => {
  const letters = [...letter.parentElement.querySelectorAll('.letter')];
  letters.forEach((each, at) => { each.style.order = at; });
  drag = {...drag, letters, slots: letters.map(each => each.getBoundingClientRect())};
  letter.classList.add('dragging');
  document.dispatchEvent(new Event('pointercancel')); // it is no press any more
};
const nearest = ({clientX, clientY}) => {
  const far = drag.slots.map(each => Math.hypot(clientX - each.x - each.width / 2, clientY - each.y - each.height / 2));
  return far.indexOf(Math.min(...far));
};
element.addEventListener('pointerdown', event => {
  const letter = event.button === 0 && event.target.closest('.letter');
  dragged = false;
  drag = letter ? {letter, x: event.clientX, y: event.clientY} : null;
});
document.addEventListener('pointermove', event => {
  if (!drag || (!drag.slots && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < NEAR)) return;
  if (!drag.slots) startDrag(drag.letter);
  const others = sorted().filter(each => each !== drag.letter);
  others.splice(nearest(event), 0, drag.letter);
  others.forEach((each, at) => { each.style.order = at; });
});
const drop = isMeant => {
  if (drag?.slots) {
    const order = sorted().map(each => Number(each.dataset.place));
    const comparison = drag.letter.closest('[data-comparison]').dataset.comparison;
    for (const each of drag.letters) each.style.order = '';
    drag.letter.classList.remove('dragging');
    dragged = true;
    setTimeout(() => { dragged = false; }, 50); // its click comes at once, if one comes
    if (isMeant) rank(comparison, order);
  }
  drag = null;
};
document.addEventListener('pointerup', () => drop(true));
document.addEventListener('pointercancel', event => { if (event.isTrusted) drop(false); });
element.addEventListener('click', event => { if (dragged) { dragged = false; event.stopImmediatePropagation(); } }, true);

onPress((button, facts) => acts[facts.do]?.(button, facts));
onPress(button => copy(button, button.closest('.code').querySelector('code').textContent), '.copy-code');
