const TOGGLE = `<button type="button" class="icon side-toggle" aria-label="Sidebar" title="Sidebar" aria-controls="side"><svg viewBox="0 0 24 24" width="18" height="18" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" aria-hidden="true"><rect x="4" y="5" width="16" height="14" rx="3"/><path d="M9.5 5v14"/></svg></button>`;
const belief = each => `<li class="belief ${each.likes_more ? 'more' : 'less'}" style="--sure:${Math.max(0.15, (each.sure - 50) / 50).toFixed(2)}">
  <span class="side left ${each.likes_more ? '' : 'liked'}">${esc(each.less)}</span>
  <span class="track" role="img" aria-label="${esc(each.sentence)}">
    <i class="fill" style="left:${(50 + 50 * Math.min(0, each.at)).toFixed(1)}%;width:${(50 * Math.abs(each.at)).toFixed(1)}%"></i>
    <i class="whisker" style="left:${(50 + 50 * each.low).toFixed(1)}%;width:${(50 * (each.high - each.low)).toFixed(1)}%"></i><i class="middle"></i></span>
  <span class="side right ${each.likes_more ? 'liked' : ''}">${esc(each.more)}</span>
  <span class="sure">${each.sure} %</span></li>`;
const curve = each => `<figure class="curve"><svg viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true"><polyline points="${esc(each.points)}" vector-effect="non-scaling-stroke"/></svg>
  <figcaption>${esc(each.name)} <b>${esc(each.last)}</b></figcaption></figure>`;
const run = value => `<section class="panel"><header><h2>${esc(value.run.title)}</h2><span class="spacer"></span>
  <button type="button" class="solid" data-do="learn" ${value.run.busy ? 'disabled' : ''}>Learn now</button>
  <button type="button" class="plain" data-do="stop" ${value.run.busy ? '' : 'disabled'}>Stop</button></header>
  <p class="run-message">${esc(value.run.message)}</p>
  <div class="progress" ${value.run.busy ? '' : 'hidden'} role="progressbar" aria-label="Learning" aria-valuemin="0" aria-valuemax="${esc(value.run.max_steps)}" aria-valuenow="${esc(value.run.step)}"><i style="width:${value.run.max_steps ? Math.min(100, 100 * value.run.step / value.run.max_steps).toFixed(1) : 0}%"></i></div>
  ${value.outcome ? `<p class="outcome">Last outcome: ${esc(value.outcome)}</p>` : ''}
  ${value.run.curves.length ? `<div class="curves">${value.run.curves.map(curve).join('')}</div>` : ''}</section>`;
const beliefs = value => `<section class="panel"><header><h2>What it believes about your taste</h2></header>
  ${value.beliefs.length ? `<ul class="beliefs">${value.beliefs.map(belief).join('')}</ul><p class="key">The bar shows how strongly, the thin line how uncertain, the number how sure it is of the direction.</p>`
    : '<p class="empty">Nothing yet. Like an answer, or compare two, and it appears here at once.</p>'}</section>`;
const fact = each => `<li title="${esc(each.means)}"><b>${esc(each.value)}</b> ${esc(each.name.toLowerCase())}</li>`;
const example = each => `<figure class="example"><figcaption>${esc(each.prompt)}</figcaption>
  <div class="two"><div><h4>Base model</h4><p>${esc(each.before)}</p></div><div><h4>This version</h4><p>${esc(each.after)}</p></div></div></figure>`;
const version = each => `<li class="version ${esc(each.state)}" data-id="${esc(each.id)}">
  <div class="line"><h3>${esc(each.title)}</h3><span class="tag ${esc(each.state)}">${esc(each.state_words)}</span><span class="when">${esc(each.when)}</span><span class="spacer"></span>
    ${each.usable ? `<button type="button" class="plain" data-do="use" data-adapter_id="${esc(each.id)}" aria-label="Use ${esc(each.title.toLowerCase())}">Use this version</button>` : ''}</div>
  ${each.reasons.map(reason => `<p>${esc(reason)}</p>`).join('')}
  ${each.facts.length ? `<ul class="facts">${each.facts.map(fact).join('')}</ul>` : ''}
  ${each.examples.length ? `<details data-key="before-${esc(each.id)}"><summary>Before and after, on your own prompts</summary>${each.examples.map(example).join('')}</details>` : ''}</li>`;
const base = value => `<li class="version ${value.serving_base ? 'serving' : ''}" data-id=""><div class="line"><h3>Base model</h3>
  ${value.serving_base ? '<span class="tag serving">in use</span>' : ''}<span class="spacer"></span>
  ${value.serving_base ? '' : '<button type="button" class="plain" data-do="use">Back to the base model</button>'}</div>
  <p>As it came, without anything learned from you. Your choices stay, and still help to pick among answers.</p></li>`;
const runs = value => value.runs.length ? `<section class="panel"><header><h2>Runs that left no version</h2></header><ul class="runs">${value.runs.map(each =>
  `<li><span class="when">${esc(each.when)}</span> <b>${esc(each.state)}</b> ${esc(each.outcome)}</li>`).join('')}</ul></section>` : '';
const view = value => value.run ? `<div class="learning"><div class="head">${TOGGLE}<h1>Learning</h1></div><p class="headline">${esc(value.headline)}</p>
  ${run(value)}${beliefs(value)}<section class="panel"><header><h2>Versions</h2></header><ul class="versions">${value.versions.map(version).join('')}${base(value)}</ul></section>${runs(value)}</div>`
  : '<div class="learning"><div class="head">' + TOGGLE + '<h1>Learning</h1></div><p class="headline">Loading…</p></div>';
