const person = each => `<li class="person ${each.acts ? 'on' : ''}"><span><b>${esc(each.name)}</b>${each.team ? ` <span class="tag">${esc(WORDS.team)}</span>` : ''}<small>${esc(each.has)}</small></span><span class="spacer"></span>
  ${each.acts ? `<span class="tag serving">${esc(WORDS.acts)}</span>` : `<button type="button" class="plain" data-do="switch" data-person="${esc(each.id)}" aria-label="${esc(fill(WORDS.switch_to, each))}">${esc(WORDS.switch)}</button>`}</li>`;
const together = at => at ? `<h3>${esc(WORDS.together)}</h3><p>${esc(WORDS.together_means)}</p><p>${esc(at.heard)}</p>
  ${at.differ.length ? `<p>${esc(WORDS.together_differ)}</p><ul class="warnings">${at.differ.map(each => `<li>${esc(each)}</li>`).join('')}</ul>` : ''}
  ${at.acts ? '' : `<div class="row start"><button type="button" class="plain" data-do="together">${esc(WORDS.together_act)}</button></div>`}` : '';
const people = (list, at) => panel(WORDS.people, `<p>${esc(WORDS.people_mean)}</p>
  <ul class="people">${list.map(person).join('')}</ul>
  <form class="fields inline"><label><span>${esc(WORDS.new_person)}</span><input type="text" name="name" maxlength="40" autocomplete="off"></label><button type="button" class="plain" data-do="add">${esc(WORDS.add)}</button></form>${together(at)}`);
const fits = (all, ok) => all.length ? `<div class="fits ${ok ? 'ok' : 'not'}"><b>${esc(ok ? WORDS.fits : WORDS.fits_not)}</b><ul>${all.map(each => `<li>${esc(each.kept)}: ${esc(each.says)}</li>`).join('')}</ul></div>` : '';
const model = each => `<label class="choice ${each.chosen ? 'on' : ''}"><input type="radio" name="model" value="${esc(each.name)}" ${each.chosen ? 'checked' : ''}><b>${esc(each.title)}</b><span>${esc(each.trouble || each.size)}</span>
  ${[true, false].map(ok => fits(each.fits.filter(fit => fit.ok === ok), ok)).join('')}</label>`;
const download = at => at ? `<div class="download"><h3>${esc(WORDS.download)}</h3><p class="download-says" role="status">${esc(at.says)}</p>
  ${at.is_running ? `<div class="progress" role="progressbar" aria-label="${esc(WORDS.download)}" aria-valuemin="0" aria-valuemax="100" aria-valuenow="${esc(at.percent)}"><i style="width:${esc(at.percent)}%"></i></div>
  <div class="row start"><button type="button" class="plain" data-do="cancel">${esc(WORDS.cancel)}</button></div>` : ''}</div>` : '';
const models = (at, fetching) => panel(WORDS.model, `${at.now.map(said => `<p>${esc(said)}</p>`).join('')}
  <form><fieldset class="choices one"><legend>${esc(WORDS.found)}</legend>${at.found.map(model).join('')}</fieldset>
  <div class="fields"><label class="wide"><span>${esc(WORDS.typed)}</span><input type="text" name="typed" autocomplete="off" placeholder="${esc(WORDS.typed_example)}"></label>
  <label><span>${esc(WORDS.kept)}</span><select name="kept">${at.kept.map(each => option(each.name, each.says, each.chosen)).join('')}</select></label></div>
  <div class="row start"><button type="button" class="solid" data-do="model">${esc(WORDS.use)}</button></div></form>${download(fetching)}`);
const themes = () => panel(WORDS.look, `<fieldset class="choices three"><legend>${esc(WORDS.theme)}</legend>${[['', WORDS.system], ['light', WORDS.light], ['dark', WORDS.dark]].map(([value, words]) =>
  `<label class="choice"><input type="radio" name="theme" value="${value}"><b>${esc(words)}</b></label>`).join('')}</fieldset><div class="row start"><button type="button" class="plain" data-tour>${esc(WORDS.tour)}</button></div>`);
const place = each => `<li><code>${esc(each.path)}</code><small>${esc(fill(WORDS.place, each))}</small></li>`;
const erase = at => `<details data-key="erase" class="erase"><summary>${esc(WORDS.erase)}</summary><p>${esc(WORDS.erase_means)}</p><ul>${at.goes.map(said => `<li>${esc(said)}</li>`).join('')}</ul>
  <form class="fields inline"><label><span>${esc(fill(WORDS.erase_word, at))}</span><input type="text" name="typed_word" autocomplete="off" autocapitalize="none" spellcheck="false"></label><button type="button" class="plain danger" data-do="erase">${esc(WORDS.erase_now)}</button></form></details>`;
const privacy = value => panel(WORDS.privacy, `${value.privacy.map(said => `<p>${esc(said)}</p>`).join('')}<h3>${esc(WORDS.places)}</h3><ul class="places">${value.places.map(place).join('')}</ul>${erase(value.erase)}`);
const view = value => page(WORDS.title, value.headline, value.people && [people(value.people, value.together), models(value.model, value.download), themes(), privacy(value)].join(''));
