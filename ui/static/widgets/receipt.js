// Which versions were announced already: ids only, in this browser.
const KEY = 'cf-seen-versions';
const seen = () => { try { return JSON.parse(localStorage.getItem(KEY)); } catch { return null; } };
const remember = id => localStorage.setItem(KEY, JSON.stringify([...new Set([...(seen() || []), id])].slice(-50)));
let asked = null;
const look = status => {
  const id = status.serving?.adapter_id;
  if (status.offline) return;
  if (!seen()) remember(id || '');
  if (id && id !== asked && !seen().includes(id)) { asked = id; trigger('serving', {adapter_id: id}); }
};
document.addEventListener('cf:status', event => look(event.detail));
if (window.cfStatus) look(window.cfStatus);
const dismiss = () => { if (props.value?.id) remember(props.value.id); props.value = {}; };
const acts = {
  dismiss,
  undo: () => { const to = props.value.back_to; dismiss(); trigger('roll_back', {adapter_id: to}); },
};
onPress((button, facts) => acts[facts.do]());
element.addEventListener('click', event => { if (event.target.closest('a')) dismiss(); });
