// The settings of the conversation that is open, and its file.
const dialog = () => element.querySelector('dialog');
let asked = false, opener = null;
document.addEventListener('cf:drawer', event => { asked = true; opener = event.detail; trigger('look', {}); });
const download = file => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([file.text], {type: file.kind}));
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};
watch('value', () => {
  if (props.value?.file) return download(props.value.file);
  if (!asked) return;
  asked = false;
  for (const field of element.querySelectorAll('input[type=number]')) field.value = field.getAttribute('value');
  for (const field of element.querySelectorAll('input[type=radio]')) field.checked = field.hasAttribute('checked');
  element.querySelector('textarea').value = props.value.persona;
  dialog().showModal();
});
const close = () => { dialog().close(); opener?.focus(); };
const save = form => { close(); trigger('export', {form}); };
const acts = {
  close,
  md: () => save('md'),
  json: () => save('json'),
  save: () => {
    if (!element.querySelector('form').reportValidity()) return;
    deliver('save', Object.fromEntries(new FormData(element.querySelector('form'))));
    close();
  },
};
onPress((button, facts) => acts[facts.do]());
element.addEventListener('click', event => { if (event.target === dialog()) close(); });
