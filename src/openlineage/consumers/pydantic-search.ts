/**
 * Validates values as pydantic 2 does when a consumer gives it JSON (`validate_json`, not strict). Types are those that
 * models of consumers have. Each test of a value is in `pydantic-values.ts`.
 */
import { namesOf } from '../levels/event-value.ts';
import { ValueSearch, type Place } from '../levels/search.ts';

/** What is wrong with a value: pydantic's code and message. */
export interface PydanticError {
  readonly code: string;
  readonly message: string;
  readonly context?: Readonly<Record<string, unknown>>;
}

export interface Field {
  readonly type: PydanticType;
  readonly required: boolean;
  /** The reason of objections in this field. Without it, that of the field around it. */
  readonly reason?: string;
}

export type PydanticType =
  | { readonly kind: 'test'; readonly test: (value: unknown) => PydanticError | undefined }
  | { readonly kind: 'nullable'; readonly of: PydanticType }
  | { readonly kind: 'list'; readonly of: PydanticType }
  | { readonly kind: 'dict'; readonly of: PydanticType }
  | { readonly kind: 'model'; readonly fields: () => ReadonlyMap<string, Field> };

/** A model. Members that it does not name are passed over (`extra="ignore"`). */
export function model(fields: Readonly<Record<string, Field>>): PydanticType {
  const map = new Map(Object.entries(fields));
  return { kind: 'model', fields: () => map };
}

/** A model whose fields may have the model itself. */
export function recursiveModel(
  fieldsOf: (self: PydanticType) => Readonly<Record<string, Field>>,
): PydanticType {
  const self: PydanticType = { kind: 'model', fields: () => map };
  const map = new Map(Object.entries(fieldsOf(self)));
  return self;
}

export const listOf = (of: PydanticType): PydanticType => ({ kind: 'list', of });
export const dictOf = (of: PydanticType): PydanticType => ({ kind: 'dict', of });
export const nullable = (of: PydanticType): PydanticType => ({ kind: 'nullable', of });

/** `name: Type`. */
export const required = (type: PydanticType, reason?: string): Field =>
  reason === undefined ? { type, required: true } : { type, required: true, reason };
/** `name: Type = default`: it may be absent, but not null. */
export const defaulted = (type: PydanticType, reason?: string): Field => ({
  ...required(type, reason),
  required: false,
});
/** `name: Type | None = None`. */
export const optional = (type: PydanticType, reason?: string): Field => defaulted(nullable(type), reason);

interface Reasoned {
  readonly type: PydanticType;
  readonly reason: string;
}

/** Searches a value for what its type does not take. */
export class PydanticSearch extends ValueSearch<Reasoned> {
  constructor(type: PydanticType, value: unknown, place: Place, reason: string) {
    super();
    this.add([{ type: { type, reason }, value, place }]);
  }

  protected override visit({ type, reason }: Reasoned, value: unknown, place: Place): void {
    switch (type.kind) {
      case 'nullable':
        if (value !== null) this.visit({ type: type.of, reason }, value, place);
        return;
      case 'test': {
        const error = type.test(value);
        if (error) this.object(reason, error.code, error.message, place, value, error.context);
        return;
      }
      case 'list':
        if (Array.isArray(value)) this.addItems({ type: type.of, reason }, value, place);
        else this.object(reason, 'list_type', 'Input should be a valid array', place, value);
        return;
      case 'dict':
        if (isObject(value)) this.addMembers({ type: type.of, reason }, value, namesOf(value), place);
        else this.object(reason, 'dict_type', 'Input should be an object', place, value);
        return;
      case 'model':
        if (isObject(value)) this.#visitFields(type.fields(), reason, value, place);
        else this.object(reason, 'model_type', 'Input should be an object', place, value);
    }
  }

  #visitFields(fields: ReadonlyMap<string, Field>, around: string, value: object, place: Place): void {
    const values = [];
    for (const [name, { type, required: isRequired, reason = around }] of fields) {
      const inner: Place = { key: name, container: place };
      if (Object.hasOwn(value, name)) {
        values.push({ type: { type, reason }, value: Reflect.get(value, name) as unknown, place: inner });
      } else if (isRequired) {
        this.object(reason, 'missing', 'Field required', inner, value);
      }
    }
    this.add(values);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
