const piece = each => each.mark ? `<mark>${esc(each.text)}</mark>` : esc(each.text);
const place = each => `<li><a href="?c=${esc(each.id)}" class="place" data-id="${esc(each.id)}" data-message="${esc(each.message)}">
    <b>${esc(each.title)}</b><span class="when">${esc(each.who)} · ${esc(each.when)}</span><span class="excerpt">${each.pieces.map(piece).join('')}</span></a></li>`;
const view = value => `<dialog class="sheet finder" aria-label="${esc(WORDS.title)}" ${stays('finder')}>
  <label class="find">${icon('search', 17)}<input type="search" placeholder="${esc(WORDS.search)}" aria-label="${esc(WORDS.search)}" autocomplete="off"></label>
  <ul class="places" aria-label="${esc(WORDS.found)}">${(value.items || []).map(place).join('')}</ul>
  <p class="lead" role="status">${esc(value.words ? (value.items.length ? '' : WORDS.nothing) : WORDS.hint)}</p>
</dialog>`;
