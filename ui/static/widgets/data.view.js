const tabs = value => `<div class="tabs" role="tablist" aria-label="Data">${value.tabs.map(each =>
  `<button type="button" role="tab" id="tab-${esc(each.name)}" data-see="tab" value="${esc(each.name)}" aria-selected="${each.name === value.tab}" tabindex="${each.name === value.tab ? 0 : -1}" aria-controls="data-tab">${esc(each.label)}</button>`).join('')}</div>`;
const choice = (name, words, all, list, chosen) => `<label><span>${words}</span><select name="${name}" data-see="${name}">${option('', all, !chosen)}${list.map(each => option(each.id, each.name, each.id === chosen)).join('')}</select></label>`;
const day = (name, words, chosen) => `<label><span>${words}</span><input type="date" name="${name}" data-see="${name}" value="${esc(chosen)}"></label>`;
const filters = (at, chosen = at.chosen) => `<section class="panel" aria-label="Filters"><form class="fields filters">
  ${choice('kind', 'Kind', 'all kinds', at.kinds, chosen.kind)}${choice('about', 'Reason or trait', 'any', at.abouts, chosen.about)}
  ${choice('state', 'State', 'all', at.states, chosen.state)}${choice('conversation', 'Conversation', 'all', at.conversations, chosen.conversation)}
  ${day('since', 'From', chosen.since)}${day('until', 'Until', chosen.until)}</form></section>`;
const told = each => `<div class="told">${each.label ? `<h4>${esc(each.label)}</h4>` : ''}<p dir="auto">${esc(each.text)}</p></div>`;
const button = (item, act, words, more = '') => `<button type="button" class="plain small" data-do="${act}" data-id="${esc(item.id)}" ${more}>${words}</button>`;
const SURE = 'Take this reaction back? It counts no more, for good. The answers themselves stay in their conversation, and the log keeps that it was there.';
const better = item => `<form class="wide"><textarea name="value" data-key="better-${esc(item.id)}" rows="5" dir="auto" aria-label="Better answer">${esc(item.better)}</textarea><input type="hidden" name="whole" value="text">${button(item, 'correct', 'Save')}</form>`;
const correction = item => item.corrections.length || item.better !== null && item.is_there ? `<details data-key="correct-${esc(item.id)}"><summary>Correct</summary><div class="row start">${
  item.corrections.map(each => button(item, 'correct', esc(each.label), `data-value="${esc(each.value)}"`)).join('')}${item.better === null ? '' : better(item)}</div></details>` : '';
const entry = item => `<li class="entry ${esc(item.state)}" data-id="${esc(item.id)}"><div class="line"><span class="tag kind">${esc(item.kind)}</span><b>${esc(item.says)}</b>
    ${item.state === 'counts' ? '' : `<span class="tag ${esc(item.state)}">${esc(item.state_words)}</span>`}<span class="spacer"></span><span class="when">${item.chat ? `<a href="./?c=${esc(item.chat)}">${esc(item.where)}</a> · ` : item.where ? `${esc(item.where)} · ` : ''}${esc(item.when)}</span></div>
  ${item.prompt ? `<p class="asked" dir="auto">${esc(item.prompt)}</p>` : ''}${item.replies.length ? `<div class="tolds">${item.replies.map(told).join('')}${item.better === null ? '' : told({label: 'Better', text: item.better})}</div>` : ''}
  ${item.is_there ? `<div class="acts">${correction(item)}<span class="spacer"></span>${item.is_aside ? button(item, 'include', 'Let it count') : button(item, 'exclude', 'Exclude')}${button(item, 'delete', 'Take back', `data-sure="${esc(SURE)}"`)}</div>` : ''}</li>`;
const browse = at => `${filters(at.filters)}<p class="key" role="status">${esc(at.said)}</p>
  ${at.items.length ? `<ul class="entries">${at.items.map(entry).join('')}</ul>` : ''}
  <div class="row start">${at.is_later ? '<button type="button" class="plain" data-see="before" value="">Newest</button>' : ''}${at.older ? `<button type="button" class="plain" data-see="before" value="${esc(at.older)}">Older</button>` : ''}</div>
  <details data-key="what-stays"><summary>What excluding, correcting and taking back do</summary><p>Your feedback is a log that only grows, so that every version can be traced to what it learned from. <b>Exclude</b> sets an entry aside: it teaches nothing until you let it count again. <b>Correct</b> takes it back and says something else in its place. <b>Take back</b> is for good: the entry counts no more, and the next version is learned without it. The answers and your words stay in their conversations; versions that learned from it stay until you delete them.</p></details>`;
const put = (act, words, facts, solid) => `<button type="button" class="${solid ? 'solid' : 'plain'}" data-do="${act}" ${facts}>${words}</button>`;
const VOTES = [['first', 'A is better'], ['tie', 'Tie'], ['both_bad', 'Both bad'], ['second', 'B is better']];
const later = (name, id) => `<button type="button" class="link" data-see="${name}" value="${esc(id)}">Not now</button>`;
const restart = (name, shown) => shown ? `<div class="row start"><button type="button" class="plain" data-see="${name}" value="">Show those I put off</button></div>` : '';
const pair = (at, said, again) => panel('Two answers to compare', `<p>${esc(said)}</p>${at ? `<p class="asked" dir="auto">${esc(at.prompt)}</p>
  <div class="cards">${at.replies.map((each, place) => `<section class="card" aria-label="Answer ${'AB'[place]}"><h3>Answer ${'AB'[place]}</h3><div class="md">${each.html}</div></section>`).join('')}</div>
  <div class="row start">${VOTES.map(([outcome, words]) => put('choose', words, `data-message="${esc(at.message_id)}" data-first="${esc(at.replies[0].id)}" data-second="${esc(at.replies[1].id)}" data-outcome="${outcome}"`)).join('')}${later('skip_pair', at.message_id)}</div>` : restart('skip_pair', again)}`);
const single = (at, said, again) => panel('An answer to rate', `<p>${esc(said)}</p>${at ? `<p class="asked" dir="auto">${esc(at.prompt)}</p><section class="card" aria-label="Answer"><div class="md">${at.replies[0].html}</div></section>
  <div class="row start">${put('rate', `${icon('up', 15)} Like`, `data-reply="${esc(at.replies[0].id)}" data-value="1"`)}${put('rate', `${icon('down', 15)} Dislike`, `data-reply="${esc(at.replies[0].id)}" data-value="-1"`)}${later('skip_reply', at.replies[0].id)}</div>` : restart('skip_reply', again)}`);
const queue = at => pair(at.pair, at.pair_said, at.can_restart_pairs) + single(at.reply, at.reply_said, at.can_restart_replies);
const KNOWN = 'Our own JSONL; TRL and Hugging Face preference (with or without a prompt column), unpaired and ranking data; ShareGPT; Open WebUI’s feedback export; SillyTavern chats with swipes. Nothing is stored before you have seen what is in it.';
const files = at => panel('Import', `<p>${KNOWN}</p><div class="row start"><label class="plain file"><input type="file" id="import-file" accept=".jsonl,.json,.zip,.ndjson,.txt">Choose a file</label></div><div id="import-preview" aria-live="polite"></div>`)
  + panel('Export', `<p>All that stands, without what you took back. Each format holds what it can say.</p><ul class="formats">${at.formats.map(each =>
  `<li><div><b>${esc(each.label)}</b><p>${esc(each.holds)}</p></div><a class="plain" href="api/v1/export?format=${esc(each.name)}" download aria-label="Save as ${esc(each.label)}">Save</a></li>`).join('')}</ul>`);
const bar = each => `<li><h3>${esc(each.name)}</h3><div class="parts" role="img" aria-label="${esc(each.name)}: ${each.parts.map(part => `${esc(part.label)} ${esc(part.n)}`).join(', ')}">${each.parts.map((part, at) =>
  `<span class="part p${at}" style="flex-grow:${esc(part.n)}" title="${esc(part.label)}: ${esc(part.n)}"></span>`).join('')}</div><p>${each.parts.map((part, at) => `<span class="legend p${at}"><i></i>${esc(part.label)} <b>${esc(part.n)}</b></span>`).join('')}</p></li>`;
const figures = at => `${at.warnings.length ? panel('Worth knowing', `<ul class="warnings">${at.warnings.map(each => `<li>${esc(each)}</li>`).join('')}</ul>`) : ''}
  ${panel('How much and how balanced', `${facts(at.facts)}${at.bars.length ? `<ul class="bars">${at.bars.map(bar).join('')}</ul>` : '<p class="empty">Nothing to count yet.</p>'}`)}${panel('Do you agree with yourself?', `<p>${esc(at.consistency)}</p>`)}`;
const UNSURE = 'Go back to this backup? All people, chats, feedback and the choice of version on this machine become what they were then. What is there now is backed up first.';
const backups = at => panel('Backups', `<p>A backup is a verified copy of everything but the weights of learned versions, which are never overwritten. The newest seven are kept; one is made by itself before every update of the app.</p>
  ${at.items.length ? `<ul class="formats">${at.items.map(each => `<li><div><b>${esc(each.when)}</b><p>${esc(each.why)} · ${esc(each.size)}</p></div><button type="button" class="plain" data-do="restore" data-name="${esc(each.name)}" data-sure="${esc(UNSURE)}" aria-label="Restore the backup of ${esc(each.when)}, ${esc(each.why)}">Restore</button></li>`).join('')}</ul>` : '<p class="empty">There is none yet.</p>'}`,
  '<button type="button" class="solid" data-do="back_up">Back up now</button>');
const VIEWS = {browse, queue, files, figures, backups};
const view = value => page('Data', value.tab ? 'What you said about answers: look through it, put it right, take it with you.' : undefined,
  value.tab && tabs(value) + `<div id="data-tab" role="tabpanel" aria-labelledby="tab-${esc(value.tab)}" class="tab-${esc(value.tab)}">${VIEWS[value.tab](value[value.tab])}</div>`);
