// Three first steps, above the message box: each follows when the one before it was done. It lies
// over nothing, and is gone for good when it was ended or finished in this browser.
const KEY = 'cf-tour';
const STEPS = [
  [WORDS.ask, WORDS.ask_means],
  [WORDS.say, WORDS.say_means],
  [WORDS.watch, WORDS.watch_means],
];
const box = element.querySelector('.tour');
let at = 0;
const draw = () => {
  const isOver = localStorage.getItem(KEY) === 'over';
  box.hidden = isOver;
  if (isOver || box.dataset.at === String(at)) return;
  box.dataset.at = at;
  const [title, says] = STEPS[at];
  box.innerHTML = `<span class="badge" aria-hidden="true">${at + 1}</span><p><b>${esc(title)}</b> ${esc(says)}</p>
    ${at === 2 ? `<a class="link" href="#taste">${esc(WORDS.taste)}</a>` : ''}<button type="button" class="link" data-end>${esc(at === 2 ? WORDS.done : WORDS.skip)}</button>`;
};
const reach = step => { if (step > at) { at = step; draw(); } };
document.addEventListener('cf:transcript', event => { if (!event.detail?.live && event.detail?.items?.some(each => each.reply)) reach(1); });
document.addEventListener('cf:status', event => { if (event.detail.learning.clicks > 0) reach(2); });
document.addEventListener('cf:tour', () => { localStorage.removeItem(KEY); at = 0; delete box.dataset.at; location.hash = ''; draw(); });
element.addEventListener('click', event => {
  if (!event.target.closest('[data-end], a')) return;
  localStorage.setItem(KEY, 'over');
  draw();
});
// Who has taught it before needs no first steps.
const first = event => {
  if (event.detail.offline) return;
  document.removeEventListener('cf:status', first);
  if (localStorage.getItem(KEY) === null && event.detail.learning.clicks > 0) localStorage.setItem(KEY, 'over');
  draw();
};
document.addEventListener('cf:status', first);
