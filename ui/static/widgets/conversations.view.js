const row = each => each.heading
  ? `<li class="day">${esc(each.heading)}</li>`
  : `<li class="talk ${each.on ? 'on' : ''}" data-id="${esc(each.id)}">
      <a href="?c=${esc(each.id)}" class="open" ${each.on ? 'aria-current="page"' : ''} title="${esc(each.title)}">${esc(each.title)}</a>
      <button type="button" class="icon" data-do="rename" aria-label="${esc(fill(WORDS.rename_of, each))}" title="${esc(WORDS.rename)}">${icon('pen', 15)}</button>
      <button type="button" class="icon" data-do="remove" aria-label="${esc(fill(WORDS.delete_of, each))}" title="${esc(WORDS.delete)}">${icon('bin', 15)}</button>
    </li>`;
const view = value => `<div class="list">
  <label class="find">${icon('search', 15)}<input type="search" placeholder="${esc(WORDS.search)}" aria-label="${esc(WORDS.search)}" autocomplete="off"></label>
  <nav aria-label="${esc(WORDS.list)}"><ul>${list(value.items).map(row).join('') || `<li class="none">${esc(WORDS.none)}</li>`}</ul></nav>
  ${value.acts ? `<a class="acts" href="#settings" title="${esc(fill(WORDS.acts, {name: value.acts}))}">${icon('person', 15)}<span>${esc(value.acts)}</span></a>` : ''}
</div>`;
