// Scalar writes style elements and style attributes, which a Content-Security-Policy without 'unsafe-inline'
// forbids. Style sheets and declarations that a script builds are allowed, so this turns the ones into the others.

// Zod, inside Scalar, tries whether it may compile code; nobody needs to be told that it may not.
globalThis.__zod_globalConfig = { jitless: true };

// A style element becomes an unknown element with the same text, which is adopted as a constructed style sheet.
const inert = 'adopted-style';
document.createElement = (name, ...options) => {
  const isStyle = String(name).toLowerCase() === 'style';
  const element = Document.prototype.createElement.call(document, isStyle ? inert : name, ...options);
  if (isStyle) element.hidden = true;
  return element;
};

const sheets = new WeakMap();

function sheetOf(element) {
  const text = element.textContent;
  let known = sheets.get(element);
  if (known?.text !== text) {
    known = { text, sheet: known?.sheet ?? new CSSStyleSheet() };
    known.sheet.replaceSync(text);
    sheets.set(element, known);
  }
  return known.sheet;
}

const elements = document.getElementsByTagName(inert);
new MutationObserver(() => {
  const wanted = Array.from(elements, sheetOf);
  const adopted = document.adoptedStyleSheets;
  const differs = wanted.length !== adopted.length || wanted.some((sheet, index) => sheet !== adopted[index]);
  if (differs) document.adoptedStyleSheets = wanted;
}).observe(document, { childList: true, characterData: true, subtree: true });

const { setAttribute } = Element.prototype;
Element.prototype.setAttribute = function (name, value) {
  if (name === 'style') this.style.cssText = value;
  else setAttribute.call(this, name, value);
};

const innerHTML = Object.getOwnPropertyDescriptor(Element.prototype, 'innerHTML');
Object.defineProperty(Element.prototype, 'innerHTML', {
  ...innerHTML,
  set(html) {
    innerHTML.set.call(this, String(html).replace(/(<[a-z][^>]*) style=/gi, '$1 data-style='));
    for (const element of this.querySelectorAll('[data-style]')) {
      element.style.cssText = element.dataset.style;
      delete element.dataset.style;
    }
  },
});
