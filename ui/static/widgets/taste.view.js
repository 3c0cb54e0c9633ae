const choice = each => `<li class="${each.supports ? 'for' : 'against'}"><b>${esc(each.supports ? WORDS.supports : WORDS.opposes)}</b>${each.prompt ? ` <span>“${esc(each.prompt)}”</span>` : ` <span>${esc(WORDS.said_so)}</span>`}
  ${each.better || each.worse ? `<div class="two even">${each.better ? `<div><h3>${esc(WORDS.preferred)}</h3><p>${esc(each.better)}</p></div>` : ''}${each.worse ? `<div><h3>${esc(each.better ? WORDS.over : WORDS.about)}</h3><p>${esc(each.worse)}</p></div>` : ''}</div>` : ''}</li>`;
const behind = each => each.behind ? `<div class="behind">${each.behind.length ? `<ul>${each.behind.map(choice).join('')}</ul><button type="button" class="plain" data-do="forget" data-trait="${esc(each.name)}" data-sure="${esc(WORDS.sure_forget_this)}">${esc(WORDS.forget_this)}</button>`
  : `<p>${esc(WORDS.no_choice)}</p>`}</div>` : '';
const about = (name, each) => esc(fill(WORDS[name + '_of'], {what: each.liking}));
const word = (each, name, on) => `<button type="button" class="word" data-do="say" data-word="${on ? 'back' : name}" data-trait="${esc(each.name)}" aria-pressed="${on}" aria-label="${about(name, each)}">${esc(WORDS[name])}</button>`;
const agrees = each => each.said !== 0 && (each.said > 0) === each.likes_more;
const words = each => `<div class="words">${each.later ? '' : word(each, 'right', agrees(each)) + word(each, 'wrong', each.said !== 0 && !agrees(each))}
  ${each.said || each.later ? '' : `<button type="button" class="word" data-later="${esc(each.name)}" aria-label="${about('not_now', each)}">${esc(WORDS.not_now)}</button>`}
  <button type="button" class="link" data-see="trait" value="${esc(each.name)}" aria-expanded="${each.behind ? 'true' : 'false'}" aria-label="${about('why', each)}">${esc(WORDS.why)}</button></div>`;
const bar = each => `<div class="belief ${each.likes_more ? 'more' : 'less'}" style="--sure:${Math.max(0.15, (each.sure - 50) / 50).toFixed(2)}">
  <span class="side left ${each.likes_more ? '' : 'liked'}">${esc(each.less)}</span>
  <span class="track" role="img" aria-label="${esc(each.sentence)}">
    <i class="fill" style="left:${(50 + 50 * Math.min(0, each.at)).toFixed(1)}%;width:${(50 * Math.abs(each.at)).toFixed(1)}%"></i>
    <i class="whisker" style="left:${(50 + 50 * each.low).toFixed(1)}%;width:${(50 * (each.high - each.low)).toFixed(1)}%"></i><i class="middle"></i></span>
  <span class="side right ${each.likes_more ? 'liked' : ''}">${esc(each.more)}</span>
  <span class="sure">${each.sure} %</span></div>`;
const belief = each => `<li class="trait">${bar(each)}${words(each)}${behind(each)}</li>`;
const traits = value => panel(WORDS.believes, value.traits.length ? `<ul class="beliefs">${value.traits.map(belief).join('')}</ul>
  <p class="key">${esc(WORDS.key)}</p>
  <button type="button" class="link" data-see="all" value="yes" aria-expanded="${value.all}">${esc(value.all ? WORDS.clearest : WORDS.all)}</button>`
  : `<p class="empty">${esc(WORDS.nothing)}</p>`);
const card = at => panel(WORDS.card, `<p>${esc(WORDS.card_means)}</p>
  <form class="card-form"><textarea name="card" rows="3" aria-label="${esc(WORDS.card)}" maxlength="600" placeholder="${esc(WORDS.card_empty)}">${esc(at.text)}</textarea>
  ${at.proposed.length ? `<p class="key">${esc(fill(WORDS.card_since, {wishes: at.proposed.join(', ')}))}</p>` : ''}
  <div class="row start"><button type="button" class="solid" data-do="card">${esc(WORDS.card_save)}</button>${at.edited ? `<button type="button" class="plain" data-do="card-reset">${esc(WORDS.card_reset)}</button>` : ''}</div></form>`,
  switched('card-switch', WORDS.card_use, at.on));
const of = (name, each) => esc(fill(WORDS[name], {what: each.text}));
const changing = each => `<div class="line acts"><details data-key="principle-${esc(each.text)}"><summary aria-label="${of('principle_change_of', each)}">${esc(WORDS.principle_change)}</summary>
    <form class="fields inline grow"><label><span>${of('principle_wording', each)}</span><input type="text" name="principle" data-key="wording-${esc(each.text)}" maxlength="300" autocomplete="off" value="${esc(each.text)}"></label><button type="button" class="plain" data-do="principle-change" data-old="${esc(each.text)}">${esc(WORDS.principle_save)}</button></form></details>
  <span class="spacer"></span><button type="button" class="plain small" data-do="principle-remove" data-old="${esc(each.text)}" aria-label="${of('principle_remove_of', each)}">${esc(WORDS.principle_remove)}</button></div>`;
const principle = each => `<li class="principle"><div class="line"><b dir="auto">${esc(each.text)}</b> <span class="tag ${esc(each.kept_by)}">${esc(each.kept_words)}</span></div><p>${esc(each.does)}</p>
  ${each.own ? changing(each) : `<p class="key">${esc(WORDS.principle_of_member)}</p>`}</li>`;
const principles = list => panel(WORDS.principles, `<p>${esc(WORDS.principles_mean)}</p>
  ${list.length ? `<ul class="principles">${list.map(principle).join('')}</ul><p class="key">${esc(WORDS.principles_count)}</p>` : `<p class="key">${esc(WORDS.no_principles)}</p>`}
  <form class="fields inline grow"><label><span>${esc(WORDS.principle_new)}</span><input type="text" name="principle" maxlength="300" autocomplete="off" placeholder="${esc(WORDS.principle_example)}"></label><button type="button" class="solid" data-do="principle-add">${esc(WORDS.principle_add)}</button></form>`);
const foretold = value => value.foretold.length || value.growth.length ? panel(WORDS.knows, `${facts(value.foretold)}${curves(value.growth)}`) : '';
const shared = at => at ? panel(WORDS.shared, `<p>${esc(WORDS.shared_means)}</p>${at.traits.length ? `<p>${esc(at.shares)}</p><ul class="beliefs">${at.traits.map(each => `<li>${bar(each)}</li>`).join('')}</ul>
  <h3>${esc(WORDS.differ)}</h3>${at.differ.length ? `<ul class="warnings">${at.differ.map(each => `<li>${esc(each)}</li>`).join('')}</ul>` : `<p>${esc(WORDS.agree)}</p>`}` : `<p class="key">${esc(WORDS.shared_few)}</p>`}`) : '';
const forget = value => panel(WORDS.forget, `<p>${esc(WORDS.forget_means)}</p>
  <div class="row start"><button type="button" class="plain danger" data-do="forget-all" data-sure="${esc(WORDS.sure_forget)}" ${value.clicks ? '' : 'disabled'}>${esc(WORDS.forget)}</button></div>`);
const view = value => page(WORDS.title, value.headline, value.traits && [traits(value), card(value.card), principles(value.principles), foretold(value), shared(value.shared), forget(value)].join(''));
