const view = () => `<dialog class="writer sheet" aria-labelledby="writer-title">
  <form method="dialog"><h2 id="writer-title"></h2>
  <p class="lead"></p>
  <textarea aria-labelledby="writer-title" rows="10" dir="auto"></textarea>
  <div class="row"><button type="button" class="plain" data-do="close">${esc(WORDS.cancel)}</button><button type="button" class="plain" data-do="plain" title="${esc(WORDS.plain_means)}">${esc(WORDS.plain_save)}</button><button type="button" class="solid" data-do="save" title=""></button></div></form>
</dialog>`;
