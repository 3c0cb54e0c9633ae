let stamp = null;
const open = new Set();
const isShown = () => document.documentElement.dataset.view === 'learning';
const key = details => details.closest('.version')?.dataset.id;
element.addEventListener('toggle', event => {
  if (event.target.matches('details')) event.target.open ? open.add(key(event.target)) : open.delete(key(event.target));
}, true);
watch('value', () => { for (const each of element.querySelectorAll('details')) each.open = open.has(key(each)); });

document.addEventListener('cf:view', () => { stamp = null; if (isShown()) trigger('refresh', {}); });
document.addEventListener('cf:status', event => {
  const status = event.detail, at = status.learning;
  if (!isShown() || status.offline) return;
  const now = status.stamp + (at.phase === 'learning' ? Math.floor(at.step / 5) : '');
  if (now !== stamp) { stamp = now; trigger('refresh', {}); }
  const bar = element.querySelector('.progress i');
  if (bar && at.max_steps) bar.style.width = Math.min(100, 100 * at.step / at.max_steps) + '%';
  const said = element.querySelector('.run-message');
  if (said) said.textContent = at.message;
});
element.addEventListener('click', event => {
  const button = event.target.closest('[data-do]');
  if (!button || button.disabled) return;
  const act = button.dataset.do;
  rest(button);
  if (act === 'learn') trigger('learn', {});
  if (act === 'stop') trigger('halt', {});
  if (act === 'use') trigger('use', {adapter_id: button.closest('.version').dataset.id || null});
});
