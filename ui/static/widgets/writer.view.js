const view = () => `<dialog class="writer sheet" aria-labelledby="writer-title">
  <form method="dialog"><h2 id="writer-title"></h2>
  <p class="lead"></p>
  <textarea aria-labelledby="writer-title" rows="10" dir="auto"></textarea>
  <div class="row"><button type="button" class="plain" data-do="close">Cancel</button><button type="button" class="plain" data-do="plain" title="Only this conversation changes; nothing is taught">Save</button><button type="button" class="solid" data-do="save" title=""></button></div></form>
</dialog>`;
