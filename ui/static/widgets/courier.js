// Sees to it that what was done on the page reaches the app and is answered.
//
// A gesture is sent again, under the same client_id, until its answer has come: the app may have
// been restarting. A reply that was asked for arrives through a stream that Gradio's page can
// believe to be open while the app has just closed it; whatever is asked next opens a new one, and
// everything that waited comes through it. So something is asked until the reply begins.
const FIRST_WAIT_MS = 4000, LONGEST_WAIT_MS = 30000, NUDGE_MS = 1500;
const unanswered = new Map();
const sendAgain = (id, wait) => {
  const gesture = unanswered.get(id);
  if (!gesture) return;
  gesture.again();
  gesture.timer = setTimeout(sendAgain, wait, id, Math.min(2 * wait, LONGEST_WAIT_MS));
};
document.addEventListener('cf:gesture', event => {
  const {id, again} = event.detail;
  unanswered.set(id, {again, timer: setTimeout(sendAgain, FIRST_WAIT_MS, id, 2 * FIRST_WAIT_MS)});
});
watch('value', () => {
  const id = props.value?.answered;
  clearTimeout(unanswered.get(id)?.timer);
  unanswered.delete(id);
});

let nudging = 0;
document.addEventListener('cf:asked', () => {
  clearInterval(nudging);
  nudging = setInterval(() => trigger('nudge', {}), NUDGE_MS);
});
document.addEventListener('cf:answering', () => clearInterval(nudging));
