
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
  const said = await answer.json().catch(() => ({detail: `The app refused it (${answer.status}).`}));
  if (!answer.ok) throw new Error(typeof said.detail === 'string' ? said.detail : 'The file could not be sent.');
  return said;
};
const attempt = async (words, act) => {
  tell(`<p class="thinking"><span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>${esc(words)}</p>`);
  try { await act(); }
  catch (error) { tell(`<p class="failed">${esc(error instanceof TypeError ? 'The app does not answer. Is it still running?' : error.message)}</p>`); }
};
const row = each => `<li><div class="line"><span class="when">line ${esc(each.line)}</span><b>${esc(each.teaches.join(', ') || 'nothing')}</b>${each.is_known ? '<span class="tag">there already</span>' : ''}</div>
  <p class="asked" dir="auto">${esc(shorten(each.prompt))}</p><div class="tolds">${each.replies.map(text => `<div class="told"><p dir="auto">${esc(shorten(text))}</p></div>`).join('')}</div>${each.notes.map(note => `<p class="note">${esc(note)}</p>`).join('')}</li>`;
const wrong = each => `<li><b>line ${esc(each.line)}</b> ${esc(each.message)}</li>`;
const show = found => `<h3>${esc(file.name)}</h3><p>${esc(found.format)}: ${esc(found.rows)} rows can be used${found.rows - found.new ? `, ${esc(found.rows - found.new)} of them are there already` : ''}.</p>
  <ul class="facts">${found.teaches.map(([what, times]) => `<li><b>${esc(times)} ×</b> ${esc(what)}</li>`).join('')}</ul>
  ${found.errors.length ? `<h3>${esc(found.errors.length)} ${found.errors.length === 1 ? 'row is' : 'rows are'} left out</h3><div class="wrong" tabindex="0" role="region" aria-label="Rows that are left out"><ul>${found.errors.slice(0, 200).map(wrong).join('')}</ul></div>` : ''}
  ${found.first.length ? `<h3>The first rows</h3><ul class="entries">${found.first.map(row).join('')}</ul>` : ''}
  <div class="row start"><button type="button" class="solid" id="import-now" ${found.new ? '' : 'disabled'}>Import ${esc(found.new)} ${found.new === 1 ? 'row' : 'rows'}</button><button type="button" class="plain" id="import-not">Cancel</button></div>`;
const store = async () => {
  const added = await post('import');
  file = null;
  tell(`<p class="said">${icon('check', 15)} <span>Added ${esc(added.reactions)} ${added.reactions === 1 ? 'reaction' : 'reactions'}${added.known ? `; ${esc(added.known)} were there already` : ''}. Style is learned from at once; what the model itself makes of the answers follows in idle time.</span></p>`);
  document.dispatchEvent(new Event('cf:poll'));
};
element.addEventListener('change', event => {
  if (event.target.id !== 'import-file' || !event.target.files.length) return;
  file = event.target.files[0];
  event.target.value = '';
  attempt('Reading the file…', async () => tell(show(await post('import/preview'))));
});
element.addEventListener('click', event => {
  if (event.target.closest('#import-now')) attempt('Importing…', store);
  if (event.target.closest('#import-not')) { file = null; tell(''); }
  if (event.target.closest('[data-do=restore]')) restoring = true;
});

let restoring = false;
watch('value', () => {
  if (space()) space().innerHTML = told;
  if (restoring) setTimeout(() => location.assign('./'), 1500);
});
