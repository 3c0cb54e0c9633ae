const LETTERS = ['A', 'B', 'C', 'D'];
const FLAGS = [['harmful', 'Harmful'], ['biased', 'Biased']]; // wrong is a reason, above
const chip = (reply, name) => {
  const on = reply.chips.includes(name);
  return `<button type="button" class="chip ${on ? 'on' : ''}" data-do="chip" data-reason="${esc(name)}" aria-pressed="${on}">${esc(name[0].toUpperCase() + name.slice(1))}</button>`;
};
const pager = reply => reply.pager ? `<span class="pager" role="group" aria-label="Other answers">
    <button type="button" class="icon" data-do="sibling" data-to="${esc(reply.pager.before)}" aria-label="Previous answer" ${reply.pager.before ? '' : 'disabled'}>${icon('left')}</button>
    <span class="at">${reply.pager.at}/${reply.pager.of}</span>
    <button type="button" class="icon" data-do="sibling" data-to="${esc(reply.pager.after)}" aria-label="Next answer" ${reply.pager.after ? '' : 'disabled'}>${icon('right')}</button>
  </span>` : '';
const variants = item => item.variants ? `<span class="pager" role="group" aria-label="Versions of your message">
    <button type="button" class="icon" data-do="variant" data-to="${esc(item.variants.before)}" aria-label="Previous version of your message" ${item.variants.before ? '' : 'disabled'}>${icon('left')}</button>
    <span class="at">${item.variants.at}/${item.variants.of}</span>
    <button type="button" class="icon" data-do="variant" data-to="${esc(item.variants.after)}" aria-label="Next version of your message" ${item.variants.after ? '' : 'disabled'}>${icon('right')}</button>
  </span>` : '';
const mine = item => `<div class="mine" role="group" aria-label="Your message">${variants(item)}<button type="button" class="icon" data-do="edit" aria-label="Edit message" title="Edit your message; it is answered anew">${icon('pen', 15)}</button></div>`;
const star = (reply, n) => `<button type="button" class="star ${n <= reply.rating ? 'on' : ''}" data-do="rate" data-value="${n}" aria-label="${n} of 5 stars" aria-pressed="${n === reply.rating}">${icon('star', 17)}</button>`;
const thumbs = reply => `
    <button type="button" class="icon thumb ${reply.thumb > 0 ? 'on' : ''}" data-do="thumb" data-value="1" aria-pressed="${reply.thumb > 0}" aria-label="${reply.thumb > 0 ? 'Liked' : 'Like'}" title="Good answer (teaches: a thumb)">${icon('up')}</button>
    <button type="button" class="icon thumb ${reply.thumb < 0 ? 'on' : ''}" data-do="thumb" data-value="-1" aria-pressed="${reply.thumb < 0}" aria-label="${reply.thumb < 0 ? 'Disliked' : 'Dislike'}" title="Bad answer (teaches: a thumb)">${icon('down')}</button>`;
const tools = (item, reply) => `<div class="tools" role="group" aria-label="Answer tools">
    <button type="button" class="icon" data-do="copy" aria-label="Copy answer" title="Copy">${icon('copy')}</button>${thumbs(reply)}
    <button type="button" class="icon" data-do="write" aria-label="Edit answer" title="Edit this answer: yours is the better one (teaches: a demonstration)">${icon('pen')}</button>
    ${item.last ? `<button type="button" class="icon" data-do="regenerate" aria-label="Write another answer" title="Another answer">${icon('again')}</button>` : ''}
    ${pager(reply)}<span class="meta">${esc(reply.meta)}</span>
  </div>`;
const more = reply => `<span class="stars" role="group" aria-label="Stars">${[1, 2, 3, 4, 5].map(n => star(reply, n)).join('')}</span>
    <button type="button" class="chip ${reply.comment ? 'on' : ''}" data-do="comment" title="${esc(reply.comment)}">${reply.comment ? 'Your comment' : 'Comment'}</button>
    ${FLAGS.map(([flag, label]) => `<button type="button" class="chip flag ${reply.flags.includes(flag) ? 'on' : ''}" data-do="flag" data-flag="${flag}" aria-pressed="${reply.flags.includes(flag)}" ${reply.flags.includes(flag) ? 'disabled' : ''}>${icon('flag', 13)} ${label}</button>`).join('')}`;
const bar = (item, reply) => item.last || reply.thumb || reply.chips.length ? `<div class="reasons" role="group" aria-label="Feedback on this answer">
    <span class="ask">${reply.thumb < 0 ? 'What was wrong?' : reply.thumb > 0 ? 'Good to know.' : 'How was this answer?'}</span>
    ${reply.thumb < 0 ? reply.options.map(name => chip(reply, name)).join('') : reply.chips.map(name => chip(reply, name)).join('')}
    <button type="button" class="chip write" data-do="write">${icon('pen', 13)} Write a better answer</button>
    ${reply.thumb || reply.rating || reply.comment || reply.flags.length ? more(reply) : ''}
  </div>` : '';
const note = reply => `<div class="note" role="status">${reply.note ? `<span class="said">${icon('spark', 14)}<span>${esc(reply.note.text)}</span>${reply.note.undoes ? `<button type="button" class="link" data-do="undo" data-id="${esc(reply.note.undoes)}">Undo</button>` : ''}</span>` : ''}</div>`;
const STATES = {interrupted: 'Stopped. The text so far is kept.', failed: 'This answer could not be finished.'};
const answer = (item, reply, live) => `<div class="answer ${esc(reply.state)}" data-reply="${esc(reply.id)}">
    <div class="md ${live ? 'writing' : ''}">${reply.html}</div>
    ${STATES[reply.state] ? `<p class="state">${STATES[reply.state]}</p>` : ''}
    ${live ? '' : tools(item, reply) + bar(item, reply) + note(reply)}
  </div>`;
const NAMES = ['first', 'second', 'third', 'fourth'];
const votes = n => n === 2
  ? [['first', 'A is better', '1'], ['tie', 'Tie', '0'], ['both_bad', 'Both bad', '9'], ['second', 'B is better', '2']]
  : [...NAMES.slice(0, n).map((name, at) => [name, LETTERS[at] + ' is best', String(at + 1)]), ['tie', 'Tie', '0'], ['both_bad', 'All bad', '9']];
const vote = ([outcome, label, key], both) => `<button type="button" class="vote" data-do="vote" data-outcome="${outcome}" data-key="${key}" ${both.votable ? '' : 'disabled'} title="teaches: a choice" aria-keyshortcuts="${key}">${label}<kbd aria-hidden="true">${key}</kbd></button>`;
const placed = (order, at) => order.includes(at) ? 'place ' + (order.indexOf(at) + 1) : 'not placed';
const ranks = (both, order) => `<div class="votes ranks" role="group" aria-label="Put the answers in order, best first">
    ${both.cards.map((card, at) => `<button type="button" class="vote ${order.includes(at) ? 'chosen' : ''}" data-do="place" data-place="${at}" data-key="${at + 1}" aria-pressed="${order.includes(at)}" aria-label="Answer ${LETTERS[at]}: ${placed(order, at)}">${LETTERS[at]}<kbd aria-hidden="true">${order.includes(at) ? order.indexOf(at) + 1 + '.' : at + 1}</kbd></button>`).join('')}
    <button type="button" class="vote" data-do="unrank" data-key="Escape">Cancel</button>
    <button type="button" class="vote" data-do="save_rank" data-key="Enter" ${order.length ? '' : 'disabled'}>Save order</button></div>`;
const compare = (both, ranking) => {
  const order = both.votable && ranking && ranking.id === String(both.id) ? ranking.order : null;
  const badge = at => order && order.includes(at) ? ` <span class="rank">${order.indexOf(at) + 1}</span>` : '';
  const best = both.cards.length === 2 ? 'better' : 'best';
  return `<div class="compare n${both.cards.length}" data-comparison="${esc(both.id)}">
    <div class="cards">${both.cards.map((card, at) => `<section class="card" aria-label="Answer ${LETTERS[at]}">
      <h3>Answer ${LETTERS[at]}${badge(at)}</h3><div class="md ${both.votable ? '' : 'writing'}">${card.html}</div>
      ${both.votable && STATES[card.state] ? `<p class="state">${STATES[card.state]}</p>` : ''}</section>`).join('')}</div>
    ${order ? ranks(both, order) : `<div class="votes" role="group" aria-label="Which answer is ${best}?">${votes(both.cards.length).map(each => vote(each, both)).join('')}
      ${both.cards.length > 2 ? `<button type="button" class="vote" data-do="ranking" data-key="r" ${both.votable ? '' : 'disabled'} title="teaches: a ranking">Put in order<kbd aria-hidden="true">R</kbd></button>` : ''}</div>`}
  </div>`;
};
const missing = item => item.last ? `<div class="answer none"><p class="state">There is no answer to this message yet.
    <button type="button" class="link" data-do="regenerate">Answer it now</button></p></div>` : '';
const exchange = (item, live, ranking) => `<article class="exchange ${item.compare ? 'wide' : ''}" data-message="${esc(item.message_id)}">
    ${item.user == null ? '' : `<div class="user"><div class="bubble" dir="auto">${esc(item.user)}</div>${live || !item.message_id ? '' : mine(item)}</div>`}
    ${item.compare ? compare(item.compare, ranking) : item.reply ? answer(item, item.reply, live) : item.hidden || live ? '' : missing(item)}
    ${item.status ? `<p class="thinking"><span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>${esc(item.status)}</p>` : ''}
  </article>`;
const welcome = value => `<div class="welcome"><div class="mark" aria-hidden="true"></div>
    <h2>What shall we talk about?</h2><p>Every choice you make teaches your own model, on this machine.</p>
    <div class="starters">${(value.starters || []).map(each => `<button type="button" class="starter" data-do="start" data-text="${esc(each)}">${esc(each)}</button>`).join('')}</div></div>`;
const view = value => value.empty ? welcome(value)
  : (value.earlier ? '<div class="earlier"><button type="button" class="chip" data-do="earlier">Show earlier messages</button></div>' : '')
  + (value.items || []).map(item => exchange(item, value.live, value.ranking)).join('')
  + (value.writing ? `<p class="thinking elsewhere"><span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>An answer is being written…</p>` : '')
  + (value.context && value.context.percent >= 25 ? `<p class="context" title="${esc(value.context.says)}"><span class="meter" role="meter" aria-label="Memory used by this conversation" aria-valuemin="0" aria-valuemax="100" aria-valuenow="${esc(value.context.percent)}"><i style="width:${Number(value.context.percent)}%"></i></span>${esc(value.context.percent)} % of the model's memory</p>` : '');
