const button = (act, words, busy, solid) => `<button type="button" class="${solid ? 'solid' : 'plain'}" data-do="${act}" ${busy ? 'disabled' : ''}>${words}</button>`;
const run = at => panel(at.title, `<p class="run-message">${esc(at.message)}${at.time_left ? ` · ${esc(at.time_left)}` : ''}</p>
  <div class="progress" ${at.busy && at.max_steps ? '' : 'hidden'} role="progressbar" aria-label="Learning" aria-valuemin="0" aria-valuemax="${esc(at.max_steps)}" aria-valuenow="${esc(at.step)}"><i style="width:${at.max_steps ? Math.min(100, 100 * at.step / at.max_steps).toFixed(1) : 0}%"></i></div>
  ${at.outcome ? `<p class="outcome">Last outcome: ${esc(at.outcome)}</p>` : ''}${curves(at.curves)}`,
  button('learn', 'Learn now', at.busy && !at.paused, true) + (at.paused ? button('resume', 'Resume') : button('pause', 'Pause')) + button('stop', 'Stop', !at.busy));
const personal = value => panel('How personal', `<p>How strongly answers follow what was learned. At 0 the base model answers; your choices stay.</p>
  <label class="slider"><span>Base model</span><input type="range" min="0" max="1" step="0.05" name="how_personal" value="${esc(value.choices.how_personal)}" data-set="choose" aria-label="How personal" aria-valuetext="${Math.round(100 * value.choices.how_personal)} per cent"><span>All that was learned</span><output>${Math.round(100 * value.choices.how_personal)} %</output></label>`);
const example = each => `<figure class="example"><figcaption>${esc(each.prompt)}</figcaption>
  <div class="two"><div><h4>Before</h4><p>${esc(each.before)}</p></div><div><h4>This version</h4><p>${esc(each.after)}</p></div></div></figure>`;
const elo = each => each.elo ? `<span class="tag elo" title="From ${esc(each.elo.duels)}; the base model has 1000">Elo ${esc(each.elo.elo)} <small>(${esc(each.elo.interval)})</small></span>` : '';
const clicks = each => `<button type="button" class="link" data-see="clicks" value="${esc(each.id)}" aria-expanded="${each.clicks ? 'true' : 'false'}">Which choices it learned from</button>
  ${each.clicks ? (each.clicks.length ? `<ol class="clicks" reversed>${each.clicks.map(said => `<li>${esc(said)}</li>`).join('')}</ol>` : '<p>They are not known any more.</p>') : ''}`;
const version = each => `<li class="version ${esc(each.state)} ${each.on_trunk ? 'trunk' : 'branch'}" data-id="${esc(each.id)}">
  <div class="line"><h3>${esc(each.title)}</h3><span class="tag ${esc(each.state)}">${esc(each.state_words)}</span>${elo(each)}<span class="when">${esc(each.when)}, ${esc(each.after)}</span><span class="spacer"></span>
    ${each.usable ? `<button type="button" class="plain" data-do="use" data-adapter_id="${esc(each.id)}" aria-label="Use ${esc(each.title.toLowerCase())}">Use this version</button>` : ''}</div>
  ${each.reasons.map(reason => `<p>${esc(reason)}</p>`).join('')}${facts(each.facts)}
  ${each.examples.length ? `<details data-key="before-${esc(each.id)}"><summary>Before and after, on your own prompts</summary>${each.examples.map(example).join('')}</details>` : ''}${clicks(each)}</li>`;
const base = value => `<li class="version trunk ${value.serving_base ? 'serving' : ''}" data-id=""><div class="line"><h3>Base model</h3>
  ${value.serving_base ? '<span class="tag serving">in use</span>' : ''}<span class="spacer"></span>
  ${value.serving_base ? '' : '<button type="button" class="plain" data-do="use">Back to the base model</button>'}</div>
  <p>As it came, without anything learned from you. Your choices stay, and still help to pick among answers.</p></li>`;
const versions = value => panel('Versions', `<ul class="versions">${value.versions.map(version).join('')}${base(value)}</ul>${curves(value.growth)}`);
const side = (name, words, duel, chosen) => `<label><span>${words}</span><select name="${name}" data-see="${name}">${duel.choices.map(each => option(each.id, each.name, each.id === chosen)).join('')}</select></label>`;
const OUTCOMES = [['first', 'A is better'], ['second', 'B is better'], ['tie', 'Tie'], ['both_bad', 'Both are bad']];
const answers = open => `<figure class="example duel" data-comparison="${esc(open.id)}"><figcaption>${esc(open.prompt)}</figcaption>
  <div class="two even"><div><h3>A</h3><p>${esc(open.first)}</p></div><div><h3>B</h3><p>${esc(open.second)}</p></div></div>
  <div class="row start">${OUTCOMES.map(([outcome, words]) => `<button type="button" class="plain" data-do="vote" data-comparison_id="${esc(open.id)}" data-outcome="${outcome}">${words}</button>`).join('')}</div></figure>`;
const duel = (value, at = value.duel) => at ? panel('Compare versions blind', `<p>Both answer the same question, and you are not told which is which. Your vote teaches like any other, and gives each version an Elo.</p>
  ${at.revealed ? `<p class="said">${icon('check', 15)} <span>Thank you: ${esc(at.revealed)}</span></p>` : ''}
  ${at.open ? answers(at.open) : `<form class="fields">${side('first', 'Version', at, at.first)}${side('second', 'against', at, at.second)}
    <label class="wide"><span>Question</span><input type="text" name="question" list="own-questions" autocomplete="off" placeholder="${esc(at.questions[0] ?? 'Ask something')}" value="${esc(at.questions[0] ?? '')}"></label>
    <datalist id="own-questions">${at.questions.map(each => `<option value="${esc(each)}"></option>`).join('')}</datalist><button type="button" class="solid" data-do="ask">Ask both</button></form>`}`) : '';
const hours = (name, words, chosen) => `<label><span>${words}</span><select name="${name}" data-set="choose">${Array.from({length: 24}, (_, hour) => option(hour, `${String(hour).padStart(2, '0')}:00`, hour === chosen)).join('')}</select></label>`;
const preset = (each, chosen) => `<label class="choice ${each.name === chosen ? 'on' : ''}"><input type="radio" name="preset" value="${esc(each.name)}" data-set="choose" ${each.name === chosen ? 'checked' : ''}><b>${esc(each.title)}</b><span>${esc(each.says)}</span></label>`;
const knob = each => `<label><span>${esc(each.title)}</span><input type="number" name="${esc(each.name)}" data-set="choose" min="${esc(each.low)}" max="${esc(each.high)}" step="${esc(each.step)}" value="${esc(each.value)}" class="${each.own ? 'own' : ''}"><small>${esc(each.says)}</small></label>`;
const choices = at => panel('How and when it learns', `<fieldset class="choices"><legend>How boldly</legend>${at.presets.map(each => preset(each, at.preset)).join('')}</fieldset>
  <div class="fields"><label class="wide"><span>When it learns</span><select name="when" data-set="choose">${at.whens.map(each => option(each.name, each.says, each.name === at.when)).join('')}</select></label>
    ${hours('quiet_from', 'Never between', at.quiet_from)}${hours('quiet_until', 'and', at.quiet_until)}</div>
  <p class="key">${at.quiet_from === at.quiet_until ? 'No quiet hours are set.' : 'In quiet hours nothing is learned by itself.'}</p>
  <details data-key="advanced"><summary>Advanced</summary><div class="fields knobs">${at.knobs.map(knob).join('')}</div></details>
  <div class="memory"><h3>Before a run</h3>${at.memory.map(said => `<p>${esc(said)}</p>`).join('')}</div>`);
const runs = value => value.runs.length ? panel('Runs that left no version', `<ul class="runs">${value.runs.map(each => `<li><span class="when">${esc(each.when)}</span> <b>${esc(each.state)}</b> ${esc(each.outcome)}</li>`).join('')}</ul>`) : '';
const view = value => page('Learning', value.headline, value.run && [run({...value.run, outcome: value.outcome}), value.serving_base ? '' : personal(value), versions(value), duel(value), choices(value.choices), runs(value)].join(''));
