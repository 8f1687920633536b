import type { Locator, Page } from 'playwright-core';

/** A link in the sidebar. */
export interface Entry {
  /** The id of the element that it leads to. */
  readonly id: string;
  readonly label: string;
}

/** The docs as a reader uses them: the menu of documents, the sidebar, and what its links lead to. */
export class DocsPage {
  readonly #page: Page;
  readonly #sidebar: Locator;

  constructor(page: Page) {
    this.#page = page;
    this.#sidebar = page.getByRole('complementary').filter({ visible: true });
  }

  /** Chooses a document in the menu above the sidebar; its title is then on the screen. */
  async choose(document: string, title: string): Promise<void> {
    await this.#sidebar.getByRole('button', { expanded: false }).first().click();
    await this.#page.getByRole('option', { name: document }).click();
    await this.#page.getByRole('heading', { level: 1, name: title }).waitFor();
  }

  /** The entries of the sidebar whose id begins with `start`, all groups there unfolded. */
  async entries(start: string): Promise<Entry[]> {
    const entries = this.#sidebar.locator(`li[data-sidebar-id^="${start}"]`);
    const folded = entries.locator('> div > button[aria-expanded="false"]');
    await entries.first().waitFor();
    while ((await folded.count()) > 0) await folded.first().click();
    return entries.evaluateAll((items) =>
      items.map((item) => ({
        id: item.getAttribute('data-sidebar-id') ?? '',
        label: item.querySelector('a')?.textContent.trim() ?? '',
      })),
    );
  }

  /** Follows an entry of the sidebar to what it leads to. */
  async follow({ id }: Entry): Promise<Locator> {
    await this.#sidebar.locator(`a[href="#${id}"]`).click();
    const target = this.#page.locator(`[id="${id}"]`);
    await target.waitFor();
    return target;
  }

  /** Chooses the language of all samples by the menu above the sample of an operation. */
  async chooseLanguage(operation: Locator, group: string, client: string): Promise<void> {
    await operation.getByTestId('client-picker').click();
    const menu = this.#page.getByRole('listbox').getByRole('group', { name: group, exact: true });
    await menu.getByRole('option', { name: client, exact: true }).click();
  }
}
