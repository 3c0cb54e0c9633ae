const LETTERS = ['A', 'B', 'C', 'D'];
const FLAGS = ['harmful', 'biased']; // wrong is a reason, above
const dots = '<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>';
const chip = (reply, name) => {
  const on = reply.chips.includes(name);
  return `<button type="button" class="chip ${on ? 'on' : ''}" data-do="chip" data-reason="${esc(name)}" aria-pressed="${on}">${esc(name[0].toUpperCase() + name.slice(1))}</button>`;
};
const pager = (at, does, label, previous, next) => at ? `<span class="pager" role="group" aria-label="${esc(label)}">
    <button type="button" class="icon" data-do="${does}" data-way="before" data-to="${esc(at.before)}" aria-label="${esc(previous)}" ${at.before ? '' : 'disabled'}>${icon('left')}</button>
    <span class="at">${Number(at.at)}/${Number(at.of)}</span>
    <button type="button" class="icon" data-do="${does}" data-way="after" data-to="${esc(at.after)}" aria-label="${esc(next)}" ${at.after ? '' : 'disabled'}>${icon('right')}</button>
  </span>` : '';
const mine = item => `<div class="mine" role="group" aria-label="${esc(WORDS.mine)}">${pager(item.variants, 'variant', WORDS.messages, WORDS.previous_message, WORDS.next_message)}<button type="button" class="icon" data-do="edit" aria-label="${esc(WORDS.edit_message)}" title="${esc(WORDS.edit_message_means)}">${icon('pen', 15)}</button></div>`;
const star = (reply, n) => `<button type="button" class="star ${n <= reply.rating ? 'on' : ''}" data-do="rate" data-value="${n}" aria-label="${esc(fill(WORDS.star, {n}))}" aria-pressed="${n === reply.rating}">${icon('star', 17)}</button>`;
const thumb = (on, value, name, means, shape) => `<button type="button" class="icon thumb ${on ? 'on' : ''}" data-do="thumb" data-value="${value}" aria-pressed="${on}" aria-label="${esc(name)}" title="${esc(means)}">${icon(shape)}</button>`;
const thumbs = reply => thumb(reply.thumb > 0, 1, reply.thumb > 0 ? WORDS.liked : WORDS.like, WORDS.like_means, 'up')
    + thumb(reply.thumb < 0, -1, reply.thumb < 0 ? WORDS.disliked : WORDS.dislike, WORDS.dislike_means, 'down');
const tool = (does, name, means, shape) => `<button type="button" class="icon" data-do="${does}" aria-label="${esc(name)}" title="${esc(means)}">${icon(shape)}</button>`;
const tools = (item, reply) => `<div class="tools" role="group" aria-label="${esc(WORDS.tools)}">
    ${tool('copy', WORDS.copy_answer, WORDS.copy, 'copy')}${thumbs(reply)}
    ${tool('write', WORDS.edit_answer, WORDS.edit_answer_means, 'pen')}
    ${item.last ? tool('regenerate', WORDS.write_another, WORDS.another, 'again') : ''}
    ${pager(reply.pager, 'sibling', WORDS.answers, WORDS.previous_answer, WORDS.next_answer)}<span class="meta">${esc(reply.meta)}</span>
  </div>`;
const flag = (reply, name) => {
  const on = reply.flags.includes(name);
  return `<button type="button" class="chip flag ${on ? 'on' : ''}" data-do="flag" data-flag="${name}" aria-pressed="${on}" ${on ? 'disabled' : ''}>${icon('flag', 13)} ${esc(WORDS[name])}</button>`;
};
const more = reply => `<span class="stars" role="group" aria-label="${esc(WORDS.stars)}">${[1, 2, 3, 4, 5].map(n => star(reply, n)).join('')}</span>
    <button type="button" class="chip ${reply.comment ? 'on' : ''}" data-do="comment" title="${esc(reply.comment)}">${esc(reply.comment ? WORDS.your_comment : WORDS.comment)}</button>
    ${FLAGS.map(name => flag(reply, name)).join('')}`;
const bar = (item, reply) => item.last || reply.thumb || reply.chips.length ? `<div class="reasons" role="group" aria-label="${esc(WORDS.feedback)}">
    <span class="ask">${esc(reply.thumb < 0 ? WORDS.ask_bad : reply.thumb > 0 ? WORDS.ask_good : WORDS.ask)}</span>
    ${(reply.thumb < 0 ? reply.options : reply.chips).map(name => chip(reply, name)).join('')}
    <button type="button" class="chip write" data-do="write">${icon('pen', 13)} ${esc(WORDS.write_better)}</button>
    ${reply.thumb || reply.rating || reply.comment || reply.flags.length ? more(reply) : ''}
  </div>` : '';
const note = reply => `<div class="note" role="status">${reply.note ? `<span class="said">${icon('spark', 14)}<span>${esc(reply.note.text)}</span>${reply.note.undoes ? `<button type="button" class="link" data-do="undo" data-id="${esc(reply.note.undoes)}">${esc(WORDS.undo)}</button>` : ''}</span>` : ''}</div>`;
const cut = (item, reply) => reply.cut ? `<p class="state">${esc(reply.cut)} ${item.last && reply.can_go_on ? `<button type="button" class="chip" data-do="go_on" title="${esc(WORDS.continue_means)}">${icon('on', 13)} ${esc(WORDS.continue)}</button>` : ''}</p>` : '';
const answer = (item, reply, live) => `<div class="answer ${esc(reply.state)}" data-reply="${esc(reply.id)}">
    <div class="md ${live ? 'writing' : ''}">${reply.html}</div>
    ${live ? '' : cut(item, reply) + tools(item, reply) + bar(item, reply) + note(reply)}
  </div>`;
const NAMES = ['first', 'second', 'third', 'fourth'];
const says = (words, at) => fill(words, {letter: LETTERS[at]});
const votes = n => n === 2
  ? [['first', says(WORDS.is_better, 0), '1'], ['tie', WORDS.tie, '0'], ['both_bad', WORDS.both_bad, '9'], ['second', says(WORDS.is_better, 1), '2']]
  : [...NAMES.slice(0, n).map((name, at) => [name, says(WORDS.is_best, at), String(at + 1)]), ['tie', WORDS.tie, '0'], ['both_bad', WORDS.all_bad, '9']];
const vote = ([outcome, label, key], both) => `<button type="button" class="vote" data-do="vote" data-outcome="${outcome}" data-key="${key}" ${both.votable ? '' : 'disabled'} title="${esc(WORDS.teaches_choice)}" aria-keyshortcuts="${key}">${esc(label)}<kbd aria-hidden="true">${key}</kbd></button>`;
// The letters stand in the order given so far, those not placed yet behind them.
const letter = (at, order) => {
  const place = order.indexOf(at) + 1;
  const name = fill(place ? WORDS.placed : WORDS.unplaced, {letter: LETTERS[at], place});
  return `<button type="button" class="vote letter ${place ? 'chosen' : ''}" data-do="place" data-place="${at}" data-key="${at + 1}" aria-pressed="${Boolean(place)}" aria-label="${esc(name)}">${icon('grip', 14)}${LETTERS[at]}<kbd aria-hidden="true">${place ? place + '.' : at + 1}</kbd></button>`;
};
const ranks = (both, order) => `<p class="rank-hint" id="rank-hint">${esc(WORDS.rank_hint)}</p>
    <div class="votes ranks" role="group" aria-label="${esc(WORDS.ranks)}" aria-describedby="rank-hint">
    ${[...order, ...both.cards.keys()].filter((at, i, all) => all.indexOf(at) === i).map(at => letter(at, order)).join('')}
    <button type="button" class="vote" data-do="unrank" data-key="Escape">${esc(WORDS.cancel)}</button>
    <button type="button" class="vote" data-do="save_rank" data-key="Enter" ${order.length ? '' : 'disabled'}>${esc(WORDS.save_order)}</button></div>`;
const card = (both, at, order) => `<section class="card" aria-label="${esc(says(WORDS.answer, at))}">
      <h3>${esc(says(WORDS.answer, at))}${order && order.includes(at) ? ` <span class="rank">${order.indexOf(at) + 1}</span>` : ''}</h3><div class="md ${both.votable ? '' : 'writing'}">${both.cards[at].html}</div>
      ${both.votable && both.cards[at].cut ? `<p class="state">${esc(both.cards[at].cut)}</p>` : ''}</section>`;
const compare = (both, ranking) => {
  const order = both.votable && ranking && ranking.id === String(both.id) ? ranking.order : null;
  const n = both.cards.length;
  return `<div class="compare n${n}" data-comparison="${esc(both.id)}">
    <div class="cards">${both.cards.map((_, at) => card(both, at, order)).join('')}</div>
    ${order ? ranks(both, order) : `<div class="votes" role="group" aria-label="${esc(n === 2 ? WORDS.which_better : WORDS.which_best)}">${votes(n).map(each => vote(each, both)).join('')}
      ${n > 2 ? `<button type="button" class="vote" data-do="ranking" data-key="r" ${both.votable ? '' : 'disabled'} title="${esc(WORDS.teaches_ranking)}">${esc(WORDS.rank)}<kbd aria-hidden="true">R</kbd></button>` : ''}</div>`}
  </div>`;
};
const missing = item => item.last ? `<div class="answer none"><p class="state">${esc(WORDS.none)}
    <button type="button" class="link" data-do="regenerate">${esc(WORDS.answer_now)}</button></p></div>` : '';
const exchange = (item, live, ranking) => `<article class="exchange ${item.compare ? 'wide' : ''}" data-message="${esc(item.message_id)}">
    ${item.user == null ? '' : `<div class="user"><div class="bubble" dir="auto">${esc(item.user)}</div>${live || !item.message_id ? '' : mine(item)}</div>`}
    ${item.compare ? compare(item.compare, ranking) : item.reply ? answer(item, item.reply, live) : item.hidden || live ? '' : missing(item)}
    ${item.status ? `<p class="thinking">${dots}${esc(item.status)}</p>` : ''}
  </article>`;
const welcome = value => `<div class="welcome"><div class="mark" aria-hidden="true"></div>
    <h2>${esc(WORDS.welcome)}</h2><p>${esc(WORDS.welcome_means)}</p>
    <div class="starters">${(value.starters || []).map(each => `<button type="button" class="starter" data-do="start" data-text="${esc(each)}">${esc(each)}</button>`).join('')}</div></div>`;
const meter = context => `<p class="context" title="${esc(context.says)}"><span class="meter" role="meter" aria-label="${esc(WORDS.memory)}" aria-valuemin="0" aria-valuemax="100" aria-valuenow="${Number(context.percent)}"><i style="width:${Number(context.percent)}%"></i></span>${esc(fill(WORDS.memory_used, context))}</p>`;
const view = value => value.empty ? welcome(value)
  : (value.earlier ? `<div class="earlier"><button type="button" class="chip" data-do="earlier">${esc(WORDS.earlier)}</button></div>` : '')
  + list(value.items).map(item => exchange(item, value.live, value.ranking)).join('')
  + (value.writing ? `<p class="thinking elsewhere">${dots}${esc(WORDS.elsewhere)}</p>` : '')
  + (value.context && value.context.percent >= 25 ? meter(value.context) : '');
