// Ctrl+K: words looked for in all conversations.
const dialog = element.querySelector('dialog');
const box = element.querySelector('input');
let timer = 0;
document.addEventListener('cf:find', () => { if (!dialog.open) dialog.showModal(); box.focus(); box.select(); });
const look = () => trigger('look', {words: box.value});
box.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(look, 120); });
const places = () => [...element.querySelectorAll('.place')];
const go = ({id, message}) => {
  dialog.close();
  document.dispatchEvent(new CustomEvent('cf:go', {detail: {id, message}}));
};
dialog.addEventListener('keydown', event => {
  event.stopPropagation();
  if (event.key === 'Escape') { event.preventDefault(); return dialog.close(); } // a search box would only empty itself
  const all = places(), at = all.indexOf(document.activeElement);
  if (event.key === 'ArrowDown') { event.preventDefault(); all[Math.min(at + 1, all.length - 1)]?.focus(); }
  if (event.key === 'ArrowUp') { event.preventDefault(); at > 0 ? all[at - 1].focus() : box.focus(); }
  if (event.key === 'Enter') { event.preventDefault(); const place = at >= 0 ? all[at] : all[0]; if (place) go(place.dataset); }
});
onPress((place, facts) => go(facts), '.place');
element.addEventListener('click', event => { if (event.target === dialog) dialog.close(); });
