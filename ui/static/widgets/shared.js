// Shared by every widget. All data goes through esc(); only html made by ui/markdown.py is raw.
const esc = s => String(s ?? '').replace(/[&<>"'`$]/g, c => '&#' + c.charCodeAt(0) + ';');
// WORDS are the widget's labels (ui/labels.py); fill("Use {title}", {title}) puts facts into one.
const fill = (words, facts) => words.replace(/\{(\w+)\}/g, (_, name) => facts[name] ?? '');
// A list, which may have come as one text (see pack in ui/page.py).
const list = items => typeof items === 'string' ? JSON.parse(items) : items || [];
const PATHS = {
  copy: '<rect x="9" y="9" width="11" height="11" rx="2.5"/><path d="M5 15V6.5A2.5 2.5 0 0 1 7.5 4H15"/>',
  check: '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
  up: '<path d="M7 11v9H4.5v-9zM7 11l4-7.5c1.6 0 2.5 1.1 2.5 2.6V10h4.7a2 2 0 0 1 2 2.4l-1.2 6A2 2 0 0 1 17 20H7"/>',
  down: '<path d="M17 13V4h2.5v9zM17 13l-4 7.5c-1.6 0-2.5-1.1-2.5-2.6V14H5.8a2 2 0 0 1-2-2.4l1.2-6A2 2 0 0 1 7 4h10"/>',
  again: '<path d="M20 11a8 8 0 1 0-2.3 6.3"/><path d="M20 5v6h-6"/>',
  pen: '<path d="M12.5 20H20M16 4.5a2.1 2.1 0 0 1 3 3L8 18.5l-4 1 1-4z"/>',
  bin: '<path d="M4 7h16M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.4L17.5 7M10.5 11v5M13.5 11v5"/>',
  left: '<path d="m14.5 6-6 6 6 6"/>',
  right: '<path d="m9.5 6 6 6-6 6"/>',
  person: '<circle cx="12" cy="8.5" r="3.7"/><path d="M5 20c.8-3.700 3.500-5.500 7-5.500s6.200 1.800 7 5.500"/>',
  search: '<circle cx="11" cy="11" r="6.5"/><path d="m20 20-4.2-4.2"/>',
  cross: '<path d="m6.5 6.5 11 11M17.5 6.5l-11 11"/>',
  spark: '<path d="M12 3.5 13.8 10l6.7 2-6.7 2L12 20.5 10.2 14l-6.7-2 6.7-2z"/>',
  star: '<path d="m12 4 2.500 5.200 5.500.800-4 4 .900 5.600-4.900-2.700-4.900 2.700.900-5.600-4-4 5.500-.800z"/>',
  flag: '<path d="M6 21V4M6 4.500h11l-2.500 4 2.500 4H6"/>',
  on: '<path d="M5 6v12l7-6zM13 6v12l7-6z"/>',
  grip: '<circle cx="9" cy="6" r=".9"/><circle cx="15" cy="6" r=".9"/><circle cx="9" cy="12" r=".9"/><circle cx="15" cy="12" r=".9"/><circle cx="9" cy="18" r=".9"/><circle cx="15" cy="18" r=".9"/>',
  back: '<path d="M9 7 4.5 11.5 9 16M4.5 11.5H15a4.5 4.5 0 0 1 0 9h-2"/>',
};
const once = () => crypto.randomUUID?.() ?? Date.now() + '-' + Math.random().toString(36).slice(2);
// Sends a gesture, again and again under one client_id until it is answered (see courier.js).
const deliver = (event, data) => {
  const gesture = {client_id: once(), ...data};
  trigger(event, gesture);
  document.dispatchEvent(new CustomEvent('cf:gesture', {detail: {id: gesture.client_id, again: () => trigger(event, gesture)}}));
};
// Calls act(button, facts) for every press of such a button or link ([data-do], if nothing else is
// said): by mouse, pen, finger or key. `facts` are what the button, the fields of its form and the
// things around it said when it was pressed: an answer that arrives before it is released may give
// the same element another meaning, or take it away; the press then still counts as meant.
const onPress = (act, which = '[data-do]') => {
  const INSIDE = '[data-reply], [data-message], [data-comparison], [data-id]';
  const LATE_MS = 1000; // a finger's click may come this long after it was lifted
  const read = event => {
    const button = event.target.closest?.(which);
    if (!button || button.disabled || !element.contains(button)) return null;
    if (button.href && (event.ctrlKey || event.metaKey || event.shiftKey)) return null; // another tab
    const facts = Object.fromEntries(new FormData(button.closest('form') ?? undefined));
    facts.pressed = button.getAttribute('aria-pressed') === 'true';
    if (button.value) facts.value = button.value;
    for (let at = button; at && at !== element; at = at.parentElement.closest(INSIDE))
      for (const [name, said] of Object.entries(at.dataset)) facts[name] ??= said;
    return {button, facts, at: button.getBoundingClientRect()};
  };
  const isInside = (event, box) =>
    event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  let held = null, lateUntil = 0;
  const release = press => { held = null; act(press.button, press.facts); };
  const releaseUnclicked = press => {
    if (held !== press) return;
    lateUntil = performance.now() + LATE_MS;
    release(press);
  };
  element.addEventListener('pointerdown', event => { lateUntil = 0; held = event.button === 0 ? read(event) : null; });
  document.addEventListener('pointerup', event => {
    const press = held;
    if (press && !isInside(event, press.at)) held = null;
    else if (press) setTimeout(releaseUnclicked, 0, press); // its click may never come
  });
  document.addEventListener('pointercancel', () => { held = null; }); // a finger that scrolls, a link that is dragged
  element.addEventListener('click', event => {
    const isLate = event.detail && performance.now() < lateUntil;
    const press = (event.detail && held) || read(event);
    if (!press) return;
    event.preventDefault(); // of a link
    if (!isLate) release(press);
  });
};
// Rests buttons until the answer re-draws them, or for a moment when it changes nothing.
const rest = (...buttons) => {
  for (const each of buttons) { each.disabled = true; each.dataset.resting = ''; }
  setTimeout(() => {
    for (const each of buttons.filter(each => each.hasAttribute('data-resting'))) {
      each.disabled = false; each.removeAttribute('data-resting'); each.classList.remove('chosen');
    }
  }, 2500);
};
// An open dialog stays open when its widget is drawn anew.
const stays = name => document.querySelector('#' + name + ' dialog')?.open ? 'open' : '';
const icon = (name, size = 16) =>
  `<svg viewBox="0 0 24 24" width="${size}" height="${size}" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${PATHS[name]}</svg>`;
