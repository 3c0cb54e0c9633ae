const LETTERS = ['A', 'B'];
const chip = (reply, name) => {
  const on = reply.chips.includes(name);
  return `<button type="button" class="chip ${on ? 'on' : ''}" data-do="chip" data-reason="${esc(name)}" aria-pressed="${on}">${esc(name[0].toUpperCase() + name.slice(1))}</button>`;
};
const pager = reply => reply.pager ? `<span class="pager" role="group" aria-label="Other answers">
    <button type="button" class="icon" data-do="sibling" data-to="${esc(reply.pager.before)}" aria-label="Previous answer" ${reply.pager.before ? '' : 'disabled'}>${icon('left')}</button>
    <span class="at">${reply.pager.at}/${reply.pager.of}</span>
    <button type="button" class="icon" data-do="sibling" data-to="${esc(reply.pager.after)}" aria-label="Next answer" ${reply.pager.after ? '' : 'disabled'}>${icon('right')}</button>
  </span>` : '';
const thumbs = reply => `
    <button type="button" class="icon thumb ${reply.thumb > 0 ? 'on' : ''}" data-do="thumb" data-value="1" aria-pressed="${reply.thumb > 0}" aria-label="${reply.thumb > 0 ? 'Liked' : 'Like'}" title="Good answer">${icon('up')}</button>
    <button type="button" class="icon thumb ${reply.thumb < 0 ? 'on' : ''}" data-do="thumb" data-value="-1" aria-pressed="${reply.thumb < 0}" aria-label="${reply.thumb < 0 ? 'Disliked' : 'Dislike'}" title="Bad answer">${icon('down')}</button>`;
const tools = (item, reply) => `<div class="tools" role="group" aria-label="Answer tools">
    <button type="button" class="icon" data-do="copy" aria-label="Copy answer" title="Copy">${icon('copy')}</button>${thumbs(reply)}
    ${item.last ? `<button type="button" class="icon" data-do="regenerate" aria-label="Write another answer" title="Another answer">${icon('again')}</button>` : ''}
    ${pager(reply)}<span class="meta">${esc(reply.meta)}</span>
  </div>`;
const bar = (item, reply) => item.last || reply.thumb || reply.chips.length ? `<div class="reasons" role="group" aria-label="Feedback on this answer">
    <span class="ask">${reply.thumb < 0 ? 'What was wrong?' : reply.thumb > 0 ? 'Good to know.' : 'How was this answer?'}</span>
    ${reply.thumb < 0 ? reply.options.map(name => chip(reply, name)).join('') : reply.chips.map(name => chip(reply, name)).join('')}
    <button type="button" class="chip write" data-do="write">${icon('pen', 13)} Write a better answer</button>
  </div>` : '';
const note = reply => `<div class="note" role="status">${reply.note ? `<span class="said">${icon('spark', 14)}<span>${esc(reply.note.text)}</span>${reply.note.undoes ? `<button type="button" class="link" data-do="undo" data-id="${esc(reply.note.undoes)}">Undo</button>` : ''}</span>` : ''}</div>`;
const STATES = {interrupted: 'Stopped. The text so far is kept.', failed: 'This answer could not be finished.'};
const answer = (item, reply, live) => `<div class="answer ${esc(reply.state)}" data-reply="${esc(reply.id)}">
    <div class="md ${live ? 'writing' : ''}">${reply.html}</div>
    ${STATES[reply.state] ? `<p class="state">${STATES[reply.state]}</p>` : ''}
    ${live ? '' : tools(item, reply) + bar(item, reply) + note(reply)}
  </div>`;
const VOTES = [['first', 'A is better', '1'], ['tie', 'Tie', '0'], ['both_bad', 'Both bad', '9'], ['second', 'B is better', '2']];
const compare = both => `<div class="compare" data-comparison="${esc(both.id)}">
    <div class="cards">${both.cards.map((card, at) => `<section class="card" aria-label="Answer ${LETTERS[at]}">
      <h3>Answer ${LETTERS[at]}</h3><div class="md ${both.votable ? '' : 'writing'}">${card.html}</div>
      ${both.votable && STATES[card.state] ? `<p class="state">${STATES[card.state]}</p>` : ''}</section>`).join('')}</div>
    <div class="votes" role="group" aria-label="Which answer is better?">${VOTES.map(([outcome, label, key]) =>
      `<button type="button" class="vote" data-do="vote" data-outcome="${outcome}" data-key="${key}" ${both.votable ? '' : 'disabled'} aria-keyshortcuts="${key}">${label}<kbd aria-hidden="true">${key}</kbd></button>`).join('')}</div>
  </div>`;
const missing = item => item.last ? `<div class="answer none"><p class="state">There is no answer to this message yet.
    <button type="button" class="link" data-do="regenerate">Answer it now</button></p></div>` : '';
const exchange = (item, live) => `<article class="exchange ${item.compare ? 'wide' : ''}" data-message="${esc(item.message_id)}">
    ${item.user == null ? '' : `<div class="user"><div class="bubble" dir="auto">${esc(item.user)}</div></div>`}
    ${item.compare ? compare(item.compare) : item.reply ? answer(item, item.reply, live) : item.hidden || live ? '' : missing(item)}
    ${item.status ? `<p class="thinking"><span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>${esc(item.status)}</p>` : ''}
  </article>`;
const welcome = value => `<div class="welcome"><div class="mark" aria-hidden="true"></div>
    <h2>What shall we talk about?</h2><p>Every choice you make teaches your own model, on this machine.</p>
    <div class="starters">${(value.starters || []).map(each => `<button type="button" class="starter" data-do="start" data-text="${esc(each)}">${esc(each)}</button>`).join('')}</div></div>`;
const view = value => value.empty ? welcome(value)
  : (value.earlier ? '<div class="earlier"><button type="button" class="chip" data-do="earlier">Show earlier messages</button></div>' : '')
  + (value.items || []).map(item => exchange(item, value.live)).join('')
  + (value.writing ? `<p class="thinking elsewhere"><span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>An answer is being written…</p>` : '');
