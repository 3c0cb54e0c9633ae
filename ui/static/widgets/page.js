// How every page beside the chat behaves. It is drawn when it is opened and when the app's stamp
// changes. [data-do] acts, with the element's data and the fields of its form; [data-see] changes what
// is looked at, and a second press looks away again, but for tabs. What is open stays open, and what is being typed stays typed,
// when the page is drawn anew.
let stamp = null, see = {};
const open = new Map(), typed = new Map();
const sent = new Map(); // act -> names of what went with it: typed text is let go once it was carried out
const isShown = () => element.closest('.view')?.hasAttribute('data-shown');
const ask = (name, data) => trigger('act', {...data, act: name, see, client_id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`});
// Answers may overtake one another, so after acts close together the page is looked at once more.
let lastAct = 0, settle = 0;
const act = (name, data = {}) => {
  if (Date.now() - lastAct < 3000) { clearTimeout(settle); settle = setTimeout(() => { if (isShown()) ask('look', {}); }, 1500); }
  lastAct = Date.now();
  ask(name, data);
};
const look = change => { see = {...see, ...change}; act('look'); };
const keyOf = node => node.dataset.key || node.name;

watch('value', () => {
  for (const name of sent.get(props.value?.done) ?? []) typed.delete(name);
  sent.delete(props.value?.done);
  for (const each of element.querySelectorAll('details[data-key]'))
    if (open.has(each.dataset.key)) each.open = open.get(each.dataset.key);
  for (const each of element.querySelectorAll('input, select, textarea')) showState(each);
  const focused = window.cfFocus;
  if (focused && document.activeElement === document.body && isShown())
    [...element.querySelectorAll('[data-do], [data-see], [data-set], input, textarea, summary')].find(each => nameOf(each) === focused)?.focus({preventScroll: true});
});
// A field that was touched keeps its own state when its markup changes: it is told the new one.
const isText = field => field.matches('textarea, input:is([type=text], [type=number])');
const showState = field => {
  if (isText(field)) field.value = typed.get(keyOf(field)) ?? field.defaultValue;
  else if (!field.dataset.set) return;
  else if (field.matches('select')) for (const each of field.options) each.selected = each.defaultSelected;
  else if (field.type === 'range') field.value = field.defaultValue;
  else field.checked = field.defaultChecked;
};
const nameOf = node => [node.tagName, node.dataset.do, node.dataset.key, node.name, node.value, node.getAttribute('aria-label')].join('|');
element.addEventListener('focusin', event => { window.cfFocus = nameOf(event.target); });
element.addEventListener('focusout', event => { if (event.relatedTarget) window.cfFocus = null; });
element.addEventListener('toggle', event => {
  if (event.target.dataset.key) open.set(event.target.dataset.key, event.target.open);
}, true);
element.addEventListener('input', event => {
  if (isText(event.target)) typed.set(keyOf(event.target), event.target.value);
});

document.addEventListener('cf:view', () => { stamp = null; if (isShown()) look({}); });
document.addEventListener('cf:status', event => {
  const status = event.detail;
  if (!isShown() || status.offline) return;
  const at = status.learning, now = status.stamp + (at.phase === 'learning' ? Math.floor(at.step / 5) : '');
  if (stamp !== null && now !== stamp) look({});
  stamp = now;
});
const seeAfter = {}; // act -> what else is looked at once it was asked for; a page adds its own
onPress((button, facts) => {
  if (facts.see) return look({[facts.see]: isAgain(button, facts) ? '' : facts.value ?? ''});
  if (facts.sure && !confirm(facts.sure)) return;
  rest(button);
  sent.set(facts.do, Object.keys(facts));
  see = {...see, ...seeAfter[facts.do]?.(facts)};
  act(facts.do, facts);
}, 'button[data-do], button[data-see]');
const isAgain = (button, facts) => see[facts.see] === facts.value && button.getAttribute('role') !== 'tab';
element.addEventListener('change', event => {
  const field = event.target;
  if (field.dataset.see) return look({[field.dataset.see]: field.type === 'checkbox' ? field.checked : field.value});
  if (field.dataset.set) typed.delete(keyOf(field));
  if (field.dataset.set) act(field.dataset.set, {...field.dataset, name: field.name, value: field.type === 'checkbox' ? field.checked : field.value});
});
element.addEventListener('submit', event => { event.preventDefault(); event.target.querySelector('button[data-do]')?.click(); });
