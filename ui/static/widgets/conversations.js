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
watch('value', () => { showAddress(); filter(); });

element.addEventListener('input', event => {
  if (event.target.type === 'search') { wanted = event.target.value.trim().toLowerCase(); filter(); }
});

const pick = id => { pushNext = true; trigger('pick', {id}); document.dispatchEvent(new Event('cf:navigated')); };
document.addEventListener('cf:go', event => { if (event.detail.id !== String(props.value?.current)) pick(event.detail.id); });
window.addEventListener('popstate', () => {
  if (location.hash) return;
  trigger('pick', {id: new URL(location).searchParams.get('c')});
});

const rename = talk => {
  const link = talk.querySelector('.open');
  const input = Object.assign(document.createElement('input'), {className: 'name', value: link.textContent, maxLength: 200});
  input.setAttribute('aria-label', WORDS.new_title);
  link.hidden = true; link.before(input); input.focus(); input.select();
  let done = false;
  const finish = keep => {
    if (done) return;
    done = true;
    const title = input.value.trim();
    input.remove(); link.hidden = false;
    if (keep && title && title !== link.textContent) trigger('rename', {id: talk.dataset.id, title});
    link.focus();
  };
  input.addEventListener('keydown', event => {
    event.stopPropagation();
    if (event.key === 'Enter') finish(true);
    if (event.key === 'Escape') finish(false);
  });
  input.addEventListener('blur', () => finish(true));
};

element.addEventListener('click', event => {
  const talk = event.target.closest('.talk');
  if (!talk) return;
  const button = event.target.closest('button');
  if (button?.dataset.do === 'rename') return rename(talk);
  if (button?.dataset.do === 'remove') return trigger('remove', {id: talk.dataset.id});
  if (event.target.closest('.open') && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    pick(talk.dataset.id);
  }
});
document.addEventListener('cf:new', () => { pushNext = true; });
