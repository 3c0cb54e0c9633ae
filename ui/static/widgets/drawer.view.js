const number = each => `<label class="number"><span>${esc(each.label)}</span>
    <input type="number" name="${esc(each.name)}" min="${esc(each.low)}" max="${esc(each.high)}" step="any" value="${esc(each.value)}" placeholder="${esc(fill(WORDS.as_usual, each))}"></label>`;
const rate = (each, chosen) => `<label class="rate"><input type="radio" name="asking_rate" value="${esc(each.value)}" ${each.value === chosen ? 'checked' : ''}>${esc(each.label)}</label>`;
const view = value => `<dialog class="sheet side-sheet" aria-labelledby="drawer-title" ${stays('drawer')}><form method="dialog">
  <header><h2 id="drawer-title">${esc(WORDS.title)}</h2><button type="button" class="icon" data-do="close" aria-label="${esc(WORDS.close)}">${icon('cross', 17)}</button></header>
  <label class="field"><b>${esc(WORDS.persona)}</b><span class="lead">${esc(WORDS.persona_means)}</span>
    <textarea name="persona" rows="5" dir="auto" placeholder="${esc(WORDS.persona_example)}"></textarea></label>
  <fieldset><legend>${esc(WORDS.sampling)}</legend>${(value.numbers || []).map(number).join('')}</fieldset>
  <fieldset><legend>${esc(WORDS.asking)}</legend><p class="lead">${esc(WORDS.asking_means)}</p>
    <div class="rates">${(value.rates || []).map(each => rate(each, value.rate)).join('')}</div></fieldset>
  <fieldset ${value.can_export ? '' : 'hidden'}><legend>${esc(WORDS.copy)}</legend><div class="row left"><button type="button" class="plain" data-do="md">${esc(WORDS.markdown)}</button><button type="button" class="plain" data-do="json">${esc(WORDS.json)}</button></div></fieldset>
  <div class="row"><button type="button" class="plain" data-do="close">${esc(WORDS.cancel)}</button><button type="button" class="solid" data-do="save">${esc(WORDS.save)}</button></div>
</form></dialog>`;
