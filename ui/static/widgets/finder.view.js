const piece = each => each.mark ? `<mark>${esc(each.text)}</mark>` : esc(each.text);
const place = each => `<li><a href="?c=${esc(each.id)}" class="place" data-id="${esc(each.id)}" data-message="${esc(each.message)}">
    <b>${esc(each.title)}</b><span class="when">${esc(each.who)} · ${esc(each.when)}</span><span class="excerpt">${each.pieces.map(piece).join('')}</span></a></li>`;
const view = value => `<dialog class="sheet finder" aria-label="Search everything" ${stays('finder')}>
  <label class="find">${icon('search', 17)}<input type="search" placeholder="Search everything that was said" aria-label="Search everything that was said" autocomplete="off"></label>
  <ul class="places" aria-label="Found">${(value.items || []).map(place).join('')}</ul>
  <p class="lead" role="status">${value.words ? (value.items.length ? '' : 'Nothing found.') : 'Words from any message or answer.'}</p>
</dialog>`;
