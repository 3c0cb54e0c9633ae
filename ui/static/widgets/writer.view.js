const view = () => `<dialog class="writer" aria-labelledby="writer-title">
  <form method="dialog"><h2 id="writer-title">Write a better answer</h2>
  <p>Your version joins the conversation, and the model learns to prefer it.</p>
  <textarea aria-label="Better answer" rows="10" dir="auto"></textarea>
  <div class="row"><button type="button" class="plain" data-do="close">Cancel</button><button type="button" class="solid" data-do="save">Save and learn</button></div></form>
</dialog>`;
