// Between two drawings of the page the run's progress moves on.
document.addEventListener('cf:status', event => {
  const at = event.detail.learning, bar = element.querySelector('.progress i'), said = element.querySelector('.run-message');
  if (!isShown() || event.detail.offline) return;
  if (bar && at.max_steps) bar.style.width = Math.min(100, 100 * at.step / at.max_steps) + '%';
  if (said) said.textContent = at.message;
});
