const show = status => {
  const pill = element.querySelector('.pill'), ready = status.engine.phase === 'ready';
  const at = status.learning;
  pill.dataset.state = status.offline ? 'failed' : !ready ? status.engine.phase : at.phase;
  pill.querySelector('.words').textContent = ready ? at.message : status.engine.message;
  pill.title = pill.querySelector('.words').textContent;
  const bar = pill.querySelector('.bar'), busy = ready && at.phase === 'learning' && at.max_steps > 0;
  bar.hidden = !busy;
  if (busy) bar.firstElementChild.style.width = Math.min(100, 100 * at.step / at.max_steps) + '%';
};
document.addEventListener('cf:status', event => show(event.detail));
if (window.cfStatus) show(window.cfStatus);
