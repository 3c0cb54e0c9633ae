const number = each => `<label class="number"><span>${esc(each.label)}</span>
    <input type="number" name="${esc(each.name)}" min="${esc(each.low)}" max="${esc(each.high)}" step="any" value="${esc(each.value)}" placeholder="as usual"></label>`;
const rate = (each, chosen) => `<label class="rate"><input type="radio" name="asking_rate" value="${esc(each.value)}" ${each.value === chosen ? 'checked' : ''}>${esc(each.label)}</label>`;
const view = value => `<dialog class="sheet side-sheet" aria-labelledby="drawer-title" ${stays('drawer')}><form method="dialog">
  <header><h2 id="drawer-title">This conversation</h2><button type="button" class="icon" data-do="close" aria-label="Close">${icon('cross', 17)}</button></header>
  <label class="field"><b>Instructions</b><span class="lead">Who the model is here, and what it should heed.</span>
    <textarea name="persona" rows="5" dir="auto" placeholder="You are a patient teacher. Explain with examples."></textarea></label>
  <fieldset><legend>How answers are drawn</legend>${(value.numbers || []).map(number).join('')}</fieldset>
  <fieldset><legend>Ask me to compare answers</legend><p class="lead">For all conversations. A comparison teaches most when the model is unsure.</p>
    <div class="rates">${(value.rates || []).map(each => rate(each, value.rate)).join('')}</div></fieldset>
  <fieldset ${value.can_export ? '' : 'hidden'}><legend>Keep a copy</legend><div class="row left"><button type="button" class="plain" data-do="md">Save as Markdown</button><button type="button" class="plain" data-do="json">Save as JSON</button></div></fieldset>
  <div class="row"><button type="button" class="plain" data-do="close">Cancel</button><button type="button" class="solid" data-do="save">Save</button></div>
</form></dialog>`;
