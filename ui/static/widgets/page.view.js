// What pages beside the chat are made of.
const TOGGLE = `<button type="button" class="icon side-toggle" aria-label="${esc(WORDS.sidebar)}" title="${esc(WORDS.sidebar)}" aria-controls="side"><svg viewBox="0 0 24 24" width="18" height="18" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" aria-hidden="true"><rect x="4" y="5" width="16" height="14" rx="3"/><path d="M9.5 5v14"/></svg></button>`;
const page = (title, headline, body) => `<div class="page"><div class="head">${TOGGLE}<h1>${esc(title)}</h1></div><p class="headline">${esc(headline ?? WORDS.loading)}</p>${body ?? ''}</div>`;
const panel = (title, body, more = '') => `<section class="panel"><header><h2>${esc(title)}</h2><span class="spacer"></span>${more}</header>${body}</section>`;
const fact = each => `<li title="${esc(each.means)}"><b>${esc(each.value)}</b> ${esc(each.name.toLowerCase())}</li>`;
const facts = list => list.length ? `<ul class="facts">${list.map(fact).join('')}</ul>` : '';
const option = (value, words, chosen) => `<option value="${esc(value)}" ${chosen ? 'selected' : ''}>${esc(words)}</option>`;
const switched = (act, words, on) => `<label class="switch"><input type="checkbox" role="switch" data-set="${esc(act)}" name="${esc(act)}" ${on ? 'checked' : ''}><span>${esc(words)}</span></label>`;
// A picture of a curve; the same numbers stand in a table for who cannot see it.
const curve = each => `<figure class="curve" title="${esc(each.means)}"><figcaption>${esc(each.name)} <b>${esc(each.last)}</b></figcaption>
  <div class="plot"><span class="axis">${esc(each.high)}</span><svg viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label="${esc(fill(WORDS.curve, {...each, first: each.rows[0][1], means: each.means.toLowerCase()}))}"><path d="M0 2H100M0 28H100" class="grid" vector-effect="non-scaling-stroke"/><polyline points="${esc(each.points)}" vector-effect="non-scaling-stroke"/></svg><span class="axis">${esc(each.low)}</span></div>
  <details data-key="table-${esc(each.name)}"><summary>${esc(WORDS.table)}</summary><div class="scrolling" tabindex="0" role="region" aria-label="${esc(each.name)}"><table><thead><tr><th scope="col">${esc(each.x_name)}</th><th scope="col">${esc(each.name)}</th></tr></thead><tbody>${each.rows.map(row => `<tr><td>${esc(row[0])}</td><td>${esc(row[1])}</td></tr>`).join('')}</tbody></table></div></details></figure>`;
const curves = list => list.length ? `<div class="curves">${list.map(curve).join('')}</div>` : '';
