let wanted = '';
let pushNext = false;

const filter = () => {
  for (const talk of element.querySelectorAll('.talk'))
    talk.hidden = !talk.querySelector('.open').textContent.toLowerCase().includes(wanted);
  for (const day of element.querySelectorAll('.day')) {
    let next = day.nextElementSibling, any = false;
    while (next && next.classList.contains('talk')) { any ||= !next.hidden; next = next.nextElementSibling; }
    day.hidden = !any;
  }
};
const showAddress = () => {
  const address = new URL(location);
  const current = props.value?.current;
  current ? address.searchParams.set('c', current) : address.searchParams.delete('c');
  if (address.href !== location.href) {
    history[pushNext ? 'pushState' : 'replaceState'](null, '', address);
    document.dispatchEvent(new Event('cf:address'));
  }
  pushNext = false;
};
watch('value', () => { showAddress(); filter(); showNaming(); });

element.addEventListener('input', event => {
  if (event.target.type === 'search') { wanted = event.target.value.trim().toLowerCase(); filter(); }
});

const pick = id => { pushNext = true; trigger('pick', {id}); document.dispatchEvent(new Event('cf:navigated')); };
document.addEventListener('cf:go', event => { if (event.detail.id !== String(props.value?.current)) pick(event.detail.id); });
window.addEventListener('popstate', () => {
  if (location.hash) return;
  trigger('pick', {id: new URL(location).searchParams.get('c')});
});

// A new title is typed in place of the link. When the list is drawn anew, the field is put there
// again, as it was.
let naming = null; // {id, was, title}
const findTalk = id => element.querySelector(`.talk[data-id="${CSS.escape(id)}"]`);
const showNaming = () => {
  const link = naming && findTalk(naming.id)?.querySelector('.open');
  if (!link || link.hidden) return;
  const input = Object.assign(document.createElement('input'), {className: 'name', value: naming.title, maxLength: 200});
  input.setAttribute('aria-label', WORDS.new_title);
  link.hidden = true; link.before(input); input.focus();
  if (naming.title === naming.was) input.select();
  input.addEventListener('input', () => { naming.title = input.value; });
  input.addEventListener('keydown', event => {
    event.stopPropagation();
    if (event.key === 'Enter') finishNaming(true);
    if (event.key === 'Escape') finishNaming(false);
  });
  input.addEventListener('blur', () => setTimeout(() => { if (!document.activeElement?.matches('.talk .name')) finishNaming(true); }));
};
const finishNaming = keep => {
  if (!naming) return;
  const {id, was} = naming, title = naming.title.trim(), talk = findTalk(id);
  naming = null;
  talk?.querySelector('.name')?.remove();
  const link = talk?.querySelector('.open');
  if (link) { link.hidden = false; link.focus(); }
  if (keep && title && title !== was) trigger('rename', {id, title});
};
const rename = id => {
  finishNaming(true);
  const was = findTalk(id).querySelector('.open').textContent;
  naming = {id, was, title: was};
  showNaming();
};

const acts = {rename: ({id}) => rename(id), remove: ({id}) => trigger('remove', {id})};
onPress((button, facts) => acts[facts.do](facts));
onPress((link, facts) => pick(facts.id), '.open');
document.addEventListener('cf:new', () => { pushNext = true; });
