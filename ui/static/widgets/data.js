
// --- data: arrows move among the tabs; a file is read, shown, and only then stored ---
element.addEventListener('keydown', event => {
  const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
  if (!step || !event.target.matches?.('[role=tab]')) return;
  const all = [...element.querySelectorAll('[role=tab]')];
  const next = all[(all.indexOf(event.target) + step + all.length) % all.length];
  next.focus(); next.click();
});

// Answers may overtake one another: one that shows something else than what is looked at is old.
const isOld = at => at?.tab && (at.tab !== (see.tab || 'browse') || Object.entries(at.browse?.filters.chosen ?? {}).some(([name, chosen]) => (see[name] ?? '') !== chosen));
watch('value', () => { if (isShown() && isOld(props.value)) look({}); });

let file = null, told = '';
const space = () => element.querySelector('#import-preview');
const tell = html => { told = html; if (space()) space().innerHTML = html; };
const shorten = text => text.length > 160 ? text.slice(0, 159) + '…' : text;
const post = async path => {
  const answer = await fetch(`api/v1/${path}?name=${encodeURIComponent(file.name)}`, {method: 'POST', body: file, headers: {'Content-Type': 'application/octet-stream'}});
  const said = await answer.json().catch(() => ({detail: fill(WORDS.refused, answer)}));
  if (!answer.ok) throw new Error(typeof said.detail === 'string' ? said.detail : WORDS.not_sent);
  return said;
};
const attempt = async (words, act) => {
  tell(`<p class="thinking"><span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>${esc(words)}</p>`);
  try { await act(); }
  catch (error) { tell(`<p class="failed">${esc(error instanceof TypeError ? WORDS.no_app : error.message)}</p>`); }
};
const row = each => `<li><div class="line"><span class="when">${esc(fill(WORDS.line, each))}</span><b>${esc(each.teaches.join(', ') || WORDS.teaches_nothing)}</b>${each.is_known ? `<span class="tag">${esc(WORDS.known)}</span>` : ''}</div>
  <p class="asked" dir="auto">${esc(shorten(each.prompt))}</p><div class="tolds">${each.replies.map(text => `<div class="told"><p dir="auto">${esc(shorten(text))}</p></div>`).join('')}</div>${each.notes.map(note => `<p class="note">${esc(note)}</p>`).join('')}</li>`;
const wrong = each => `<li><b>${esc(fill(WORDS.line, each))}</b> ${esc(each.message)}</li>`;
const show = found => `<h3>${esc(file.name)}</h3><p>${esc(fill(found.rows - found.new ? WORDS.usable_known : found.rows === 1 ? WORDS.usable_one : WORDS.usable, {...found, known: found.rows - found.new}))}</p>
  <ul class="facts">${found.teaches.map(([what, times]) => `<li><b>${esc(times)} ×</b> ${esc(what)}</li>`).join('')}</ul>
  ${found.errors.length ? `<h3>${esc(found.errors.length === 1 ? WORDS.one_wrong : fill(WORDS.wrong, {n: found.errors.length}))}</h3><div class="wrong" tabindex="0" role="region" aria-label="${esc(WORDS.wrong_rows)}"><ul>${found.errors.slice(0, 200).map(wrong).join('')}</ul></div>` : ''}
  ${found.first.length ? `<h3>${esc(WORDS.first_rows)}</h3><ul class="entries">${found.first.map(row).join('')}</ul>` : ''}
  <div class="row start"><button type="button" class="solid" id="import-now" ${found.new ? '' : 'disabled'}>${esc(found.new === 1 ? WORDS.import_one : fill(WORDS.import_rows, {n: found.new}))}</button><button type="button" class="plain" id="import-not">${esc(WORDS.cancel)}</button></div>`;
const knownToo = added => added.known ? fill(WORDS.added_known, {n: added.known}) : '';
const sayAdded = added => !added.reactions ? fill(WORDS.added_unrated, {known: knownToo(added)})
  : `${fill(added.reactions === 1 ? WORDS.added_one : WORDS.added, {n: added.reactions, known: knownToo(added)})} ${WORDS.added_then}`;
// A large file takes a while: how far it is is asked for until it is stored.
const showImport = async () => {
  const at = await fetch('api/v1/import/progress').then(answer => answer.json()).catch(() => ({total: 0}));
  if (!at.total || !isStoring) return;
  const percent = Math.floor(100 * at.done / at.total);
  tell(`<p class="thinking">${esc(fill(WORDS.importing_far, {...at, percent}))}</p><div class="progress" role="progressbar" aria-label="${esc(WORDS.import)}" aria-valuemin="0" aria-valuemax="100" aria-valuenow="${percent}"><i style="width:${percent}%"></i></div>`);
};
let isStoring = false;
const store = async () => {
  isStoring = true;
  const watching = setInterval(showImport, 300);
  const added = await post('import').finally(() => { isStoring = false; clearInterval(watching); });
  file = null;
  tell(`<p class="said">${icon('check', 15)} <span>${esc(sayAdded(added))}</span></p>`);
  document.dispatchEvent(new Event('cf:poll'));
};
element.addEventListener('change', event => {
  if (event.target.id !== 'import-file' || !event.target.files.length) return;
  file = event.target.files[0];
  event.target.value = '';
  attempt(WORDS.reading, async () => tell(show(await post('import/preview'))));
});
onPress(() => attempt(WORDS.importing, store), '#import-now');
onPress(() => { file = null; tell(''); }, '#import-not');

// A format that would hold nothing is refused, and a browser that saves a link does not say why.
const refuse = words => { element.querySelector('#export-refusal').innerHTML = words && `<p class="failed">${esc(words)}</p>`; };
const save = async link => {
  refuse('');
  try {
    const answer = await fetch(link.href);
    if (!answer.ok) throw new Error((await answer.json()).detail);
    const name = answer.headers.get('content-disposition').match(/filename="(.+)"/)[1];
    const file = Object.assign(document.createElement('a'), {href: URL.createObjectURL(await answer.blob()), download: name});
    file.click();
    setTimeout(() => URL.revokeObjectURL(file.href), 60000);
  } catch (error) { refuse(error instanceof TypeError ? WORDS.no_app : error.message); }
};
onPress(save, 'a[download]');

watch('value', () => {
  if (space()) space().innerHTML = told;
  if (props.value?.done === 'restore') setTimeout(() => location.assign('./'), 1500);
});
