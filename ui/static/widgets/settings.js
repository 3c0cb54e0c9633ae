// The theme is this browser's own; people are the app's, so a switch opens the other one's chats.
const showTheme = () => {
  for (const each of element.querySelectorAll('[name=theme]')) {
    each.checked = each.value === (localStorage.getItem('cf-theme') ?? '');
    each.closest('.choice').classList.toggle('on', each.checked);
  }
};
watch('value', showTheme);
document.addEventListener('cf:theme', showTheme);
element.addEventListener('change', event => {
  if (event.target.name === 'theme') document.dispatchEvent(new CustomEvent('cf:theme', {detail: event.target.value}));
  if (event.target.name === 'model') for (const each of element.querySelectorAll('[name=model]')) each.closest('.choice').classList.toggle('on', each.checked);
});
let acting = null;
watch('value', () => {
  const now = props.value?.people?.find(each => each.acts)?.id ?? null;
  if (acting !== null && now !== acting) document.dispatchEvent(new Event('cf:person'));
  acting = now;
});
onPress(() => document.dispatchEvent(new Event('cf:tour')), '[data-tour]');
// Between two drawings the bar of a download moves on.
document.addEventListener('cf:status', event => {
  const at = event.detail.download, bar = element.querySelector('.download .progress'), said = element.querySelector('.download-says');
  if (!at || !isShown()) return;
  if (bar) { bar.firstElementChild.style.width = at.percent + '%'; bar.setAttribute('aria-valuenow', at.percent); }
  if (said && said.textContent !== at.says) said.textContent = at.says;
});
// Once everything is deleted, what this browser kept goes too, and the page begins anew.
watch('value', () => {
  if (props.value?.done !== 'erase' || !props.value.erase.is_done) return;
  for (const name of Object.keys(localStorage)) if (name.startsWith('cf-') && name !== 'cf-theme') localStorage.removeItem(name);
  setTimeout(() => location.assign('./'), 1500);
});
