/** The keys of a person without a mouse. Each element that gets the focus on the way must be visible, marked, and further down. */
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** The element that has the focus. */
interface Focused {
  /** False between the last element and the first, when the page as a whole has it. */
  readonly isElement: boolean;
  /** Of its label, else of its own text. */
  readonly name: string;
  /** Its place in the document. */
  readonly index: number;
  readonly isMarked: boolean;
  readonly isInView: boolean;
}

/** Returns a `Focused` inside the page. */
const readFocus = `(() => {
  const it = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(it);
  const { top, bottom, width, height } = it.getBoundingClientRect();
  const label = it.labels && it.labels[0] && it.labels[0].textContent;
  return {
    isElement: it !== document.body && it !== document.documentElement,
    name: (label || it.getAttribute('aria-label') || it.textContent).trim(),
    index: [...document.querySelectorAll('*')].indexOf(it),
    isMarked: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2,
    isInView: width > 1 && height > 1 && bottom > 0 && top < innerHeight,
  };
})()`;

/** More than any page has. */
const maxSteps = 80;

export class Keyboard {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  /** Presses Tab until the element of this name has the focus; after the last element the page begins anew. */
  async tabTo(name: string): Promise<void> {
    let { index } = await this.#focused();
    const passed: string[] = [];
    for (let step = 0; step < maxSteps; step += 1) {
      await this.#page.keyboard.press('Tab');
      const focused = await this.#focused();
      passed.push(focused.name);
      if (focused.isElement) {
        expect(focused).toMatchObject({ isMarked: true, isInView: true });
        if (index >= 0) expect(focused.index, `after ${passed.join(', ')}`).toBeGreaterThan(index);
        if (focused.name === name) return;
      }
      index = focused.isElement ? focused.index : -1;
    }
    throw new Error(`Tab does not lead to ${name}, but to ${passed.join(', ')}`);
  }

  async expectFocusOn(name: string): Promise<void> {
    await expect.poll(() => this.#focused()).toMatchObject({ name, isMarked: true, isInView: true });
  }

  async press(key: 'Enter' | 'Space' | 'Escape' | 'Control+A'): Promise<void> {
    await this.#page.keyboard.press(key);
  }

  async type(text: string): Promise<void> {
    await this.#page.keyboard.type(text);
  }

  #focused(): Promise<Focused> {
    return this.#page.evaluate<Focused>(readFocus);
  }
}
