// The stop button, and a refused text put back into the box.
const box = () => document.querySelector('#message textarea');
watch('value', () => {
  const {writing, draft} = props.value;
  document.dispatchEvent(new Event('cf:answering'));
  document.documentElement.toggleAttribute('data-writing', Boolean(writing));
  if (draft && box() && !box().value) document.dispatchEvent(new CustomEvent('cf:type', {detail: draft}));
});
element.addEventListener('click', event => { if (event.target.closest('button')) trigger('halt', {}); });
