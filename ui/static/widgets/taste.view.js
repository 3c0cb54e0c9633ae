const choice = each => `<li class="${each.supports ? 'for' : 'against'}"><b>${each.supports ? 'Speaks for it' : 'Speaks against it'}</b>${each.prompt ? ` <span>“${esc(each.prompt)}”</span>` : ' <span>You said so.</span>'}
  ${each.better || each.worse ? `<div class="two even">${each.better ? `<div><h3>You preferred</h3><p>${esc(each.better)}</p></div>` : ''}${each.worse ? `<div><h3>${each.better ? 'over' : 'About this answer'}</h3><p>${esc(each.worse)}</p></div>` : ''}</div>` : ''}</li>`;
const behind = each => each.behind ? `<div class="behind">${each.behind.length ? `<ul>${each.behind.map(choice).join('')}</ul><button type="button" class="plain" data-do="forget" data-trait="${esc(each.name)}" data-sure="Undo the choices behind this belief?">Forget this</button>`
  : '<p>No single choice says it; it follows from many small ones, or from the start.</p>'}</div>` : '';
const word = (each, name, words, on) => `<button type="button" class="word" data-do="say" data-word="${on ? 'back' : name}" data-trait="${esc(each.name)}" aria-pressed="${on}" aria-label="${words}: ${esc(each.liking)}">${words}</button>`;
const agrees = each => each.said !== 0 && (each.said > 0) === each.likes_more;
const words = each => each.later ? '' : `<div class="words">${word(each, 'right', 'Right', agrees(each))}${word(each, 'wrong', 'Wrong', each.said !== 0 && !agrees(each))}
  ${each.said ? '' : `<button type="button" class="word" data-later="${esc(each.name)}" aria-label="Not now: ${esc(each.liking)}">Not now</button>`}
  <button type="button" class="link" data-see="trait" value="${esc(each.name)}" aria-expanded="${each.behind ? 'true' : 'false'}" aria-label="Why: ${esc(each.liking)}">Why?</button></div>`;
const belief = each => `<li class="trait"><div class="belief ${each.likes_more ? 'more' : 'less'}" style="--sure:${Math.max(0.15, (each.sure - 50) / 50).toFixed(2)}">
  <span class="side left ${each.likes_more ? '' : 'liked'}">${esc(each.less)}</span>
  <span class="track" role="img" aria-label="${esc(each.sentence)}">
    <i class="fill" style="left:${(50 + 50 * Math.min(0, each.at)).toFixed(1)}%;width:${(50 * Math.abs(each.at)).toFixed(1)}%"></i>
    <i class="whisker" style="left:${(50 + 50 * each.low).toFixed(1)}%;width:${(50 * (each.high - each.low)).toFixed(1)}%"></i><i class="middle"></i></span>
  <span class="side right ${each.likes_more ? 'liked' : ''}">${esc(each.more)}</span>
  <span class="sure">${each.sure} %</span></div>${words(each)}${behind(each)}</li>`;
const traits = value => panel('What it believes', `${value.traits.length ? `<ul class="beliefs">${value.traits.map(belief).join('')}</ul>
  <p class="key">The bar shows how strongly, the thin line how uncertain, the number how sure it is of the direction.</p>
  <button type="button" class="link" data-see="all" value="yes" aria-expanded="${value.all}">${value.all ? 'Only the clearest' : 'All traits'}</button>`
  : '<p class="empty">Nothing yet. Like an answer, or compare two, and it appears here at once.</p>'}`);
const card = at => panel('Taste card', `<p>A line that stands in front of every conversation, so that any version follows it at once.</p>
  <form class="card-form"><textarea name="card" rows="3" aria-label="Taste card" maxlength="600" placeholder="Nothing is certain enough yet; write your own.">${esc(at.text)}</textarea>
  ${at.proposed.length ? `<p class="key">Learned since: ${esc(at.proposed.join(', '))}.</p>` : ''}
  <div class="row start"><button type="button" class="solid" data-do="card">Save my wording</button>${at.edited ? '<button type="button" class="plain" data-do="card-reset">Use what was learned</button>' : ''}</div></form>`,
  switched('card-switch', 'Use the card', at.on));
const foretold = value => value.foretold.length || value.growth.length ? panel('Does it know you?', `${facts(value.foretold)}${curves(value.growth)}`) : '';
const forget = value => panel('Forget everything', `<p>All that you said counts no more: the beliefs start afresh and the base model answers. Conversations stay. Versions stay listed until you delete them.</p>
  <div class="row start"><button type="button" class="plain danger" data-do="forget-all" data-sure="Forget everything that was learned from you?" ${value.clicks ? '' : 'disabled'}>Forget everything</button></div>`);
const view = value => page('Taste', value.headline, value.traits && [traits(value), card(value.card), foretold(value), forget(value)].join(''));
