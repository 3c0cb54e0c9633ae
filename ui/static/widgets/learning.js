// Between two drawings of the page the run's progress moves on; the slider says where it stands.
document.addEventListener('cf:status', event => {
  const at = event.detail.learning, bar = element.querySelector('.progress i'), said = element.querySelector('.run-message');
  if (!isShown() || event.detail.offline) return;
  if (bar && at.max_steps) bar.style.width = Math.min(100, 100 * at.step / at.max_steps) + '%';
  if (said) said.textContent = at.message + (at.time_left ? ' · ' + at.time_left : '');
});
element.addEventListener('input', event => {
  const slider = event.target;
  if (slider.type === 'range') slider.parentElement.querySelector('output').textContent = Math.round(100 * slider.value) + ' %';
});
// After a vote the page may say whose answers these were.
seeAfter.vote = ({comparison_id}) => ({voted: comparison_id});
seeAfter.ask = () => { showAsking(true); return {voted: ''}; };
// Two answers may take a while, and the page may be drawn anew meanwhile: the button says so till then.
let isAsking = false;
const showAsking = now => {
  isAsking = now;
  const button = element.querySelector('[data-do=ask]');
  if (!button) return;
  delete button.dataset.resting;
  button.disabled = now;
  button.textContent = now ? WORDS.duel_asking : WORDS.duel_ask;
};
watch('value', () => showAsking(isAsking && props.value?.done !== 'ask' && props.value?.done !== '')); // '': refused
