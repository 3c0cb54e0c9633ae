// The stop button, a refused text put back into the box, and one that came too early for the model.
const box = () => document.querySelector('#message textarea');
watch('value', () => {
  const {writing, draft, queued} = props.value;
  document.dispatchEvent(new Event('cf:answering'));
  document.documentElement.toggleAttribute('data-writing', Boolean(writing));
  if (queued) document.dispatchEvent(new CustomEvent('cf:queue', {detail: queued}));
  if (draft && box() && !box().value) document.dispatchEvent(new CustomEvent('cf:type', {detail: draft}));
});
element.addEventListener('click', event => { if (event.target.closest('button')) trigger('halt', {}); });
