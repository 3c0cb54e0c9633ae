// Short messages: value = {id, kind: "said" | "error", text, act: {event, label, data}}.
const stack = element.querySelector('.toasts');
const acts = {restore: data => trigger('restore', data), roll_back: data => trigger('roll_back', data)};
const add = note => {
  const box = document.createElement('div');
  box.className = 'toast ' + note.kind;
  box.setAttribute('role', note.kind === 'error' ? 'alert' : 'status');
  const words = document.createElement('span');
  words.textContent = note.text;
  box.append(words);
  if (note.act) {
    const button = Object.assign(document.createElement('button'), {type: 'button', className: 'link', textContent: note.act.label});
    button.addEventListener('click', () => { acts[note.act.event]?.(note.act.data); box.remove(); });
    box.append(button);
  }
  const close = Object.assign(document.createElement('button'), {type: 'button', className: 'icon', innerHTML: icon('cross', 15)});
  close.setAttribute('aria-label', WORDS.dismiss);
  close.addEventListener('click', () => box.remove());
  box.append(close);
  stack.append(box);
  while (stack.children.length > 3) stack.firstElementChild.remove();
  setTimeout(() => box.matches(':hover,:focus-within') ? setTimeout(() => box.remove(), 5000) : box.remove(), note.kind === 'error' ? 15000 : 8000);
};
watch('value', () => { if (props.value?.text) add(props.value); });
