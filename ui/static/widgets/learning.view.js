const button = (act, busy, solid) => `<button type="button" class="${solid ? 'solid' : 'plain'}" data-do="${act}" ${busy ? 'disabled' : ''}>${esc(WORDS[act])}</button>`;
const because = each => each.because ? `<p class="because">${esc(each.because)}</p>` : '';
const run = at => panel(at.title, `<p class="run-message">${esc(at.message)}${at.time_left ? ` · ${esc(at.time_left)}` : ''}</p>
  <div class="progress" ${at.busy && at.max_steps ? '' : 'hidden'} role="progressbar" aria-label="${esc(WORDS.learning)}" aria-valuemin="0" aria-valuemax="${esc(at.max_steps)}" aria-valuenow="${esc(at.step)}"><i style="width:${at.max_steps ? Math.min(100, 100 * at.step / at.max_steps).toFixed(1) : 0}%"></i></div>
  ${because(at)}${at.outcome ? `<p class="outcome">${esc(fill(WORDS.outcome, at))}</p>` : ''}${curves(at.curves)}`,
  button('learn', at.busy && !at.paused, true) + (at.paused ? button('resume') : button('pause')) + button('stop', !at.busy));
const share = value => Math.round(100 * value.choices.how_personal);
const personal = value => panel(WORDS.personal, `<p>${esc(WORDS.personal_means)}</p>
  <label class="slider"><span>${esc(WORDS.personal_low)}</span><input type="range" min="0" max="1" step="0.05" name="how_personal" value="${esc(value.choices.how_personal)}" data-set="choose" aria-label="${esc(WORDS.personal)}" aria-valuetext="${esc(fill(WORDS.per_cent, {n: share(value)}))}"><span>${esc(WORDS.personal_high)}</span><output>${share(value)} %</output></label>`);
const example = each => `<figure class="example"><figcaption>${esc(each.prompt)}</figcaption>
  <div class="two"><div><h4>${esc(WORDS.before)}</h4><p>${esc(each.before)}</p></div><div><h4>${esc(WORDS.this_version)}</h4><p>${esc(each.after)}</p></div></div></figure>`;
const elo = each => each.elo ? `<span class="tag elo" title="${esc(fill(WORDS.elo_means, each.elo))}">${esc(fill(WORDS.elo, each.elo))} <small>(${esc(each.elo.interval)})</small></span>` : '';
const clicks = each => `<button type="button" class="link" data-see="clicks" value="${esc(each.id)}" aria-expanded="${each.clicks ? 'true' : 'false'}">${esc(WORDS.clicks)}</button>
  ${each.clicks ? (each.clicks.length ? `<ol class="clicks" reversed>${each.clicks.map(said => `<li>${esc(said)}</li>`).join('')}</ol>` : `<p>${esc(WORDS.clicks_unknown)}</p>`) : ''}`;
const version = each => `<li class="version ${esc(each.state)} ${each.on_trunk ? 'trunk' : 'branch'}" data-id="${esc(each.id)}">
  <div class="line"><h3>${esc(each.title)}</h3><span class="tag ${esc(each.state)}">${esc(each.state_words)}</span>${elo(each)}<span class="when">${esc(each.when)}, ${esc(each.after)}</span><span class="spacer"></span>
    ${each.usable ? `<button type="button" class="plain" data-do="use" data-adapter_id="${esc(each.id)}" aria-label="${esc(fill(WORDS.use_of, {what: each.title.toLowerCase()}))}">${esc(WORDS.use)}</button>` : ''}</div>
  ${each.reasons.map(reason => `<p>${esc(reason)}</p>`).join('')}${because(each)}${each.warnings.map(said => `<p class="warning">${esc(said)}</p>`).join('')}${facts(each.facts)}
  ${each.examples.length ? `<details data-key="before-${esc(each.id)}"><summary>${esc(WORDS.examples)}</summary>${each.examples.map(example).join('')}</details>` : ''}${clicks(each)}</li>`;
const base = value => `<li class="version trunk ${value.serving_base ? 'serving' : ''}" data-id=""><div class="line"><h3>${esc(WORDS.base)}</h3>
  ${value.serving_base ? `<span class="tag serving">${esc(WORDS.in_use)}</span>` : ''}<span class="spacer"></span>
  ${value.serving_base === false ? `<button type="button" class="plain" data-do="use">${esc(WORDS.back_to_base)}</button>` : ''}</div>
  <p>${esc(WORDS.base_means)}</p></li>`;
const versions = value => panel(WORDS.versions, `<ul class="versions">${value.versions.map(version).join('')}${base(value)}</ul>${curves(value.growth)}`);
const side = (name, words, duel, chosen) => `<label><span>${esc(words)}</span><select name="${name}" data-see="${name}">${duel.choices.map(each => option(each.id, each.name, each.id === chosen)).join('')}</select></label>`;
const answers = open => `<figure class="example duel" data-comparison="${esc(open.id)}"><figcaption>${esc(open.prompt)}</figcaption>
  <div class="two even"><div><h3>A</h3><p>${esc(open.first)}</p></div><div><h3>B</h3><p>${esc(open.second)}</p></div></div>
  <div class="row start">${['first', 'second', 'tie', 'both_bad'].map(outcome => `<button type="button" class="plain" data-do="vote" data-comparison_id="${esc(open.id)}" data-outcome="${outcome}">${esc(WORDS[outcome])}</button>`).join('')}</div></figure>`;
const duel = (value, at = value.duel) => at ? panel(WORDS.duel, `<p>${esc(WORDS.duel_means)}</p>
  ${at.revealed ? `<p class="said">${icon('check', 15)} <span>${esc(fill(WORDS.duel_thanks, {who: at.revealed}))}</span></p>` : ''}
  ${at.open ? answers(at.open) : `<form class="fields">${side('first', WORDS.duel_version, at, at.first)}${side('second', WORDS.duel_against, at, at.second)}
    <label class="wide"><span>${esc(WORDS.duel_question)}</span><input type="text" name="question" list="own-questions" autocomplete="off" placeholder="${esc(at.questions[0] ?? WORDS.duel_placeholder)}" value="${esc(at.questions[0] ?? '')}"></label>
    <datalist id="own-questions">${at.questions.map(each => `<option value="${esc(each)}"></option>`).join('')}</datalist><button type="button" class="solid" data-do="ask">${esc(WORDS.duel_ask)}</button></form>`}`) : '';
const interval = at => at.n ? `<div class="interval" role="img" aria-label="${esc(fill(WORDS.trials_picture, at))}"><i class="reach" style="left:${esc(at.low)}%;width:${esc(at.high - at.low)}%"></i><i class="point" style="left:${esc(at.at)}%"></i><i class="middle"></i></div>` : '';
const trials = at => panel(WORDS.trials, `<p>${esc(at.says)}</p>${interval(at)}`);
const guard = each => `<li class="guard"><div class="line"><span class="tag ${esc(each.kind)}">${esc(each.tag)}</span><b>${esc(each.asks)}</b></div><p>${esc(each.says)}${each.action ? ` <b>${esc(each.action)}</b>` : ''}</p>${each.figure ? `<p class="key">${esc(each.measures)}: ${esc(each.figure)}</p>` : ''}</li>`;
const guards = list => { const alarms = list.filter(each => each.kind === 'alarm'), rest = list.filter(each => each.kind !== 'alarm');
  return panel(WORDS.guards, `<p>${esc(WORDS.guards_mean)}</p>${alarms.length ? `<ul class="guards">${alarms.map(guard).join('')}</ul>` : `<p class="well">${icon('check', 15)} <span>${esc(WORDS.guards_well)}</span></p>`}
  <details data-key="guards"><summary>${esc(WORDS.guards_rest)}</summary><ul class="guards">${rest.map(guard).join('')}</ul></details>`); };
const hours = (name, chosen) => `<label><span>${esc(WORDS[name])}</span><select name="${name}" data-set="choose">${Array.from({length: 24}, (_, hour) => option(hour, `${String(hour).padStart(2, '0')}:00`, hour === chosen)).join('')}</select></label>`;
const preset = (each, chosen) => `<label class="choice ${each.name === chosen ? 'on' : ''}"><input type="radio" name="preset" value="${esc(each.name)}" data-set="choose" ${each.name === chosen ? 'checked' : ''}><b>${esc(each.title)}</b><span>${esc(each.says)}</span></label>`;
const knob = each => `<label><span>${esc(each.title)}</span><input type="number" name="${esc(each.name)}" data-set="choose" min="${esc(each.low)}" max="${esc(each.high)}" step="${esc(each.step)}" value="${esc(each.value)}" class="${each.own ? 'own' : ''}"><small>${esc(each.says)}</small></label>`;
const picked = (name, list, chosen) => `<label class="wide"><span>${esc(WORDS[name])}</span><select name="${name}" data-set="choose">${list.map(each => option(each.name, each.says, each.name === chosen)).join('')}</select></label>`;
const choices = at => panel(WORDS.choices, `<fieldset class="choices"><legend>${esc(WORDS.boldly)}</legend>${at.presets.map(each => preset(each, at.preset)).join('')}</fieldset>
  <div class="fields">${picked('when', at.whens, at.when)}${hours('quiet_from', at.quiet_from)}${hours('quiet_until', at.quiet_until)}</div>
  <p class="key">${esc(at.quiet_from === at.quiet_until ? WORDS.no_quiet : WORDS.quiet)}</p>
  <details data-key="advanced"><summary>${esc(WORDS.advanced)}</summary><div class="fields knobs">${at.knobs.map(knob).join('')}${picked('by_trial', at.by_trials, at.by_trial)}</div></details>
  <div class="memory"><h3>${esc(WORDS.memory)}</h3>${at.memory.map(said => `<p>${esc(said)}</p>`).join('')}</div>`);
const runs = value => value.runs.length ? panel(WORDS.runs, `<ul class="runs">${value.runs.map(each => `<li><span class="when">${esc(each.when)}</span> <b>${esc(each.state)}</b> ${esc(each.outcome)}</li>`).join('')}</ul>`) : '';
const view = value => page(WORDS.title, value.headline, value.run && [run({...value.run, outcome: value.outcome}), value.serving_base === false ? personal(value) : '', versions(value), trials(value.trials), guards(value.guards), duel(value), choices(value.choices), runs(value)].join(''));
