const row = each => each.heading
  ? `<li class="day">${esc(each.heading)}</li>`
  : `<li class="talk ${each.on ? 'on' : ''}" data-id="${esc(each.id)}">
      <a href="?c=${esc(each.id)}" class="open" ${each.on ? 'aria-current="page"' : ''} title="${esc(each.title)}">${esc(each.title)}</a>
      <button type="button" class="icon" data-do="rename" aria-label="Rename ${esc(each.title)}" title="Rename">${icon('pen', 15)}</button>
      <button type="button" class="icon" data-do="remove" aria-label="Delete ${esc(each.title)}" title="Delete">${icon('bin', 15)}</button>
    </li>`;
const view = value => `<div class="list">
  <label class="find">${icon('search', 15)}<input type="search" placeholder="Search chats" aria-label="Search chats" autocomplete="off"></label>
  <nav aria-label="Conversations"><ul>${(value.items || []).map(row).join('') || '<li class="none">No conversations yet</li>'}</ul></nav>
</div>`;
