const person = each => `<li class="person ${each.acts ? 'on' : ''}"><span><b>${esc(each.name)}</b><small>${esc(each.has)}</small></span><span class="spacer"></span>
  ${each.acts ? '<span class="tag serving">acts now</span>' : `<button type="button" class="plain" data-do="switch" data-person="${esc(each.id)}" aria-label="Switch to ${esc(each.name)}">Switch</button>`}</li>`;
const people = list => panel('People', `<p>Each person has conversations, a taste and versions of their own. Nobody is asked for a password: this keeps lives apart, not secrets.</p>
  <ul class="people">${list.map(person).join('')}</ul>
  <form class="fields inline"><label><span>Somebody new</span><input type="text" name="name" maxlength="40" autocomplete="off"></label><button type="button" class="plain" data-do="add">Add and switch</button></form>`);
const fit = each => `<li class="${each.ok ? 'ok' : 'not'}"><b>${each.ok ? 'Fits' : 'Does not fit'}</b> ${esc(each.kept)}: ${esc(each.says)}</li>`;
const model = each => `<label class="choice ${each.chosen ? 'on' : ''}"><input type="radio" name="model" value="${esc(each.name)}" ${each.chosen ? 'checked' : ''}><b>${esc(each.title)}</b><span>${esc(each.trouble || each.size)}</span>
  ${each.fits.length ? `<ul class="fits">${each.fits.map(fit).join('')}</ul>` : ''}</label>`;
const models = at => panel('Model', `${at.now.map(said => `<p>${esc(said)}</p>`).join('')}
  <form><fieldset class="choices one"><legend>Found on this machine</legend>${at.found.map(model).join('')}</fieldset>
  <div class="fields"><label class="wide"><span>Another folder, or the hub's name of a model</span><input type="text" name="typed" autocomplete="off" placeholder="/path/to/model or organisation/name"></label>
  <label><span>Weights are kept</span><select name="kept">${at.kept.map(each => option(each.name, each.says, each.chosen)).join('')}</select></label></div>
  <div class="row start"><button type="button" class="solid" data-do="model">Use from the next start on</button></div></form>`);
const themes = () => panel('Appearance', `<fieldset class="choices three"><legend>Theme</legend>${[['', 'As the system'], ['light', 'Light'], ['dark', 'Dark']].map(([value, words]) =>
  `<label class="choice"><input type="radio" name="theme" value="${value}"><b>${words}</b></label>`).join('')}</fieldset><div class="row start"><button type="button" class="plain" data-tour>Show the first steps again</button></div>`);
const place = each => `<li><code>${esc(each.path)}</code><small>${esc(each.holds)}, ${esc(each.size)}</small></li>`;
const privacy = value => panel('Privacy', `${value.privacy.map(said => `<p>${esc(said)}</p>`).join('')}<h3>Where everything lies</h3><ul class="places">${value.places.map(place).join('')}</ul>`);
const view = value => page('Settings', value.headline, value.people && [people(value.people), models(value.model), themes(), privacy(value)].join(''));
