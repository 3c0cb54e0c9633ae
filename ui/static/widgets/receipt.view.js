const fact = each => `<li title="${esc(each.means)}"><b>${esc(each.value)}</b> ${esc(each.name.toLowerCase())}</li>`;
const example = each => `<figure class="example"><figcaption>${esc(each.prompt)}</figcaption>
  <div class="two"><div><h4>${esc(WORDS.before)}</h4><p>${esc(each.before)}</p></div><div><h4>${esc(WORDS.now)}</h4><p>${esc(each.after)}</p></div></div></figure>`;
const view = value => value.id ? `<section class="receipt" aria-label="${esc(WORDS.title)}">
  <header><span class="badge">${icon('spark', 15)}</span><h3>${esc(value.title)}</h3>
    <button type="button" class="icon" data-do="dismiss" aria-label="${esc(WORDS.dismiss)}">${icon('cross', 15)}</button></header>
  ${value.reasons.length ? `<p>${esc(value.reasons[0])}</p>` : ''}
  ${value.because ? `<p class="because">${esc(value.because)}</p>` : ''}
  <ul class="facts">${value.facts.map(fact).join('')}</ul>${value.examples.map(example).join('')}
  <div class="row"><a class="plain" href="#learning">${esc(WORDS.details)}</a><button type="button" class="plain" data-do="undo">${icon('back', 14)} ${esc(fill(WORDS.undo, {version: value.back_to_name}))}</button></div>
</section>` : '';
