const tabs = value => `<div class="tabs" role="tablist" aria-label="${esc(WORDS.title)}">${value.tabs.map(each =>
  `<button type="button" role="tab" id="tab-${esc(each.name)}" data-see="tab" value="${esc(each.name)}" aria-selected="${each.name === value.tab}" tabindex="${each.name === value.tab ? 0 : -1}" aria-controls="data-tab">${esc(each.label)}</button>`).join('')}</div>`;
const choice = (name, words, all, list, chosen) => `<label><span>${esc(words)}</span><select name="${name}" data-see="${name}">${option('', all, !chosen)}${list.map(each => option(each.id, each.name, each.id === chosen)).join('')}</select></label>`;
const day = (name, words, chosen) => `<label><span>${esc(words)}</span><input type="date" name="${name}" data-see="${name}" value="${esc(chosen)}"></label>`;
const filters = (at, chosen = at.chosen) => `<section class="panel" aria-label="${esc(WORDS.filters)}"><form class="fields filters">
  ${choice('kind', WORDS.kind, WORDS.kind_all, at.kinds, chosen.kind)}${choice('about', WORDS.about, WORDS.about_all, at.abouts, chosen.about)}
  ${choice('state', WORDS.state, WORDS.all, at.states, chosen.state)}${choice('conversation', WORDS.conversation, WORDS.all, at.conversations, chosen.conversation)}
  ${day('since', WORDS.since, chosen.since)}${day('until', WORDS.until, chosen.until)}</form></section>`;
const told = each => `<div class="told">${each.label ? `<h4>${esc(each.label)}</h4>` : ''}<p dir="auto">${esc(each.text)}</p></div>`;
const button = (item, act, words, more = '') => `<button type="button" class="plain small" data-do="${act}" data-id="${esc(item.id)}" ${more}>${words}</button>`;
const better = item => `<form class="wide"><textarea name="value" data-key="better-${esc(item.id)}" rows="5" dir="auto" aria-label="${esc(WORDS.better_answer)}">${esc(item.better)}</textarea><input type="hidden" name="whole" value="text">${button(item, 'correct', esc(WORDS.save))}</form>`;
const correction = item => item.corrections.length || item.better !== null && item.is_there ? `<details data-key="correct-${esc(item.id)}"><summary>${esc(WORDS.correct)}</summary><div class="row start">${
  item.corrections.map(each => button(item, 'correct', esc(each.label), `data-value="${esc(each.value)}"`)).join('')}${item.better === null ? '' : better(item)}</div></details>` : '';
const entry = item => `<li class="entry ${esc(item.state)}" data-id="${esc(item.id)}"><div class="line"><span class="tag kind">${esc(item.kind)}</span><b>${esc(item.says)}</b>
    ${item.state === 'counts' ? '' : `<span class="tag ${esc(item.state)}">${esc(item.state_words)}</span>`}<span class="spacer"></span><span class="when">${item.chat ? `<a href="./?c=${esc(item.chat)}">${esc(item.where)}</a> · ` : item.where ? `${esc(item.where)} · ` : ''}${esc(item.when)}</span></div>
  ${item.prompt ? `<p class="asked" dir="auto">${esc(item.prompt)}</p>` : ''}${item.replies.length ? `<div class="tolds">${item.replies.map(told).join('')}${item.better === null ? '' : told({label: WORDS.better, text: item.better})}</div>` : ''}
  ${item.is_there ? `<div class="acts">${correction(item)}<span class="spacer"></span>${item.is_aside ? button(item, 'include', esc(WORDS.include)) : button(item, 'exclude', esc(WORDS.exclude))}${button(item, 'delete', esc(WORDS.delete), `data-sure="${esc(WORDS.sure_delete)}"`)}</div>` : ''}</li>`;
const browse = at => `${filters(at.filters)}<p class="key" role="status">${esc(at.said)}</p>
  ${at.items.length ? `<ul class="entries">${at.items.map(entry).join('')}</ul>` : ''}
  <div class="row start">${at.is_later ? '<button type="button" class="plain" data-see="before" value="">${esc(WORDS.newest)}</button>' : ''}${at.older ? `<button type="button" class="plain" data-see="before" value="${esc(at.older)}">${esc(WORDS.older)}</button>` : ''}</div>
  <details data-key="what-stays"><summary>${esc(WORDS.what_stays)}</summary>${['why_log', 'exclude_means', 'correct_means', 'delete_means', 'versions_keep'].map(name => `<p>${esc(WORDS[name])}</p>`).join('')}</details>`;
const put = (act, words, facts, solid) => `<button type="button" class="${solid ? 'solid' : 'plain'}" data-do="${act}" ${facts}>${words}</button>`;
const VOTES = ['first', 'tie', 'both_bad', 'second'];
const later = (name, id) => `<button type="button" class="link" data-see="${name}" value="${esc(id)}">${esc(WORDS.not_now)}</button>`;
const restart = (name, shown) => shown ? `<div class="row start"><button type="button" class="plain" data-see="${name}" value="">${esc(WORDS.put_off)}</button></div>` : '';
const pair = (title, act, at, said, more) => panel(title, `<p>${esc(said)}</p>${at ? `<p class="asked" dir="auto">${esc(at.prompt)}</p>
  <div class="cards">${at.replies.map((each, place) => `<section class="card" aria-label="${esc(fill(WORDS.answer_of, {letter: 'AB'[place]}))}"><h3>${esc(fill(WORDS.answer_of, {letter: 'AB'[place]}))}</h3><div class="md">${each.html}</div></section>`).join('')}</div>
  <div class="row start">${VOTES.map(outcome => put(act, esc(WORDS[outcome]), `data-message="${esc(at.message_id)}" data-first="${esc(at.replies[0].id)}" data-second="${esc(at.replies[1].id)}" data-outcome="${outcome}"`)).join('')}${more(at)}</div>` : more(at)}`);
const single = (at, said, again) => panel(WORDS.single, `<p>${esc(said)}</p>${at ? `<p class="asked" dir="auto">${esc(at.prompt)}</p><section class="card" aria-label="${esc(WORDS.answer)}"><div class="md">${at.replies[0].html}</div></section>
  <div class="row start">${put('rate', `${icon('up', 15)} ${esc(WORDS.like)}`, `data-reply="${esc(at.replies[0].id)}" data-value="1"`)}${put('rate', `${icon('down', 15)} ${esc(WORDS.dislike)}`, `data-reply="${esc(at.replies[0].id)}" data-value="-1"`)}${later('skip_reply', at.replies[0].id)}</div>` : restart('skip_reply', again)}`);
const queue = at => pair(WORDS.pair, 'choose', at.pair, at.pair_said, shown => shown ? later('skip_pair', shown.message_id) : restart('skip_pair', at.can_restart_pairs))
  + single(at.reply, at.reply_said, at.can_restart_replies) + pair(WORDS.judged, 'choose_again', at.judged, at.judged_said, () => '');
const files = at => panel(WORDS.import, `<p>${esc(WORDS.import_known)}</p><div class="row start"><label class="plain file"><input type="file" id="import-file" accept=".jsonl,.json,.zip,.ndjson,.txt">${esc(WORDS.choose_file)}</label></div><div id="import-preview" aria-live="polite"></div>`)
  + panel(WORDS.export, `<p>${esc(WORDS.export_means)}</p><ul class="formats">${at.formats.map(each =>
  `<li><div><b>${esc(each.label)}</b><p>${esc(each.holds)}</p></div><a class="plain" href="api/v1/export?format=${esc(each.name)}" download aria-label="${esc(fill(WORDS.save_as, each))}">${esc(WORDS.save)}</a></li>`).join('')}</ul><div id="export-refusal" role="alert"></div>`);
const bar = each => `<li><h3>${esc(each.name)}</h3><div class="parts" role="img" aria-label="${esc(each.name)}: ${each.parts.map(part => `${esc(part.label)} ${esc(part.n)}`).join(', ')}">${each.parts.map((part, at) =>
  `<span class="part p${at}" style="flex-grow:${esc(part.n)}" title="${esc(part.label)}: ${esc(part.n)}"></span>`).join('')}</div><p>${each.parts.map((part, at) => `<span class="legend p${at}"><i></i>${esc(part.label)} <b>${esc(part.n)}</b></span>`).join('')}</p></li>`;
const figures = at => `${at.warnings.length ? panel(WORDS.worth_knowing, `<ul class="warnings">${at.warnings.map(each => `<li>${esc(each)}</li>`).join('')}</ul>`) : ''}
  ${panel(WORDS.how_much, `${facts(at.facts)}${at.bars.length ? `<ul class="bars">${at.bars.map(bar).join('')}</ul>` : `<p class="empty">${esc(WORDS.nothing)}</p>`}`)}${panel(WORDS.consistent, `<p>${esc(at.consistency)}</p>`)}${panel(WORDS.labels, `<p>${esc(at.labels)}</p>`)}`;
const backups = at => panel(WORDS.backups, `<p>${esc(WORDS.backups_mean)}</p>
  ${at.items.length ? `<ul class="formats">${at.items.map(each => `<li><div><b>${esc(each.when)}</b><p>${esc(each.why)} · ${esc(each.size)}</p></div><button type="button" class="plain" data-do="restore" data-name="${esc(each.name)}" data-sure="${esc(WORDS.sure_restore)}" aria-label="${esc(fill(WORDS.restore_of, each))}">${esc(WORDS.restore)}</button></li>`).join('')}</ul>` : `<p class="empty">${esc(WORDS.no_backup)}</p>`}`,
  `<button type="button" class="solid" data-do="back_up">${esc(WORDS.back_up)}</button>`);
const VIEWS = {browse, queue, files, figures, backups};
const view = value => page(WORDS.title, value.tab ? WORDS.headline : undefined,
  value.tab && tabs(value) + `<div id="data-tab" role="tabpanel" aria-labelledby="tab-${esc(value.tab)}" class="tab-${esc(value.tab)}">${VIEWS[value.tab](value[value.tab])}</div>`);
