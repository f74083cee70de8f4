"""Search at a million products: tables of its own, kept by triggers in the transaction of each change.

Row-level security evaluates a query's own conditions only on rows that the policy has let through, unless their
operator is leakproof, and array operators are not: ``keys && ...`` in a query would never use the GIN index. So the
condition stands in the policy: a row of ``search_documents`` is seen only by a transaction that has named words it
holds (``voxcart.search``, any of them; ``voxcart.search_all``, all of them). The tenant is part of each key besides.

Revision: 0005, after 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"

_STATEMENTS = """
ALTER TABLE products
    ADD COLUMN search_phrases JSONB DEFAULT '[]' NOT NULL,
    ADD COLUMN search_words TEXT[] DEFAULT '{}' NOT NULL,
    ADD COLUMN search_version INTEGER DEFAULT '0' NOT NULL,
    ADD COLUMN popularity SMALLINT GENERATED ALWAYS AS
        (CAST(floor(4 * ln(CAST(units_sold AS DOUBLE PRECISION) + 1)) AS SMALLINT)) STORED;
DROP INDEX ix_products_search_terms;
DROP INDEX ix_products_kind;
DROP INDEX ix_products_category;
DROP INDEX ix_products_brand;
CREATE INDEX ix_products_popularity ON products (tenant, popularity DESC);
CREATE INDEX ix_products_kind ON products (tenant, kind, popularity DESC);
CREATE INDEX ix_products_category ON products (tenant, category, popularity DESC);
CREATE INDEX ix_products_department ON products (tenant, department, popularity DESC);
CREATE INDEX ix_products_brand ON products (tenant, brand_zh, popularity DESC);
CREATE INDEX ix_products_price ON products (tenant, price_cents);
CREATE INDEX ix_products_rating ON products (tenant, rating DESC NULLS LAST);
CREATE INDEX ix_products_created ON products (tenant, created_at DESC);
CREATE TABLE product_vectors (
    tenant TEXT NOT NULL,
    sku TEXT NOT NULL,
    embedding HALFVEC(384) NOT NULL,
    CONSTRAINT pk_product_vectors PRIMARY KEY (tenant, sku),
    CONSTRAINT fk_product_vectors_tenant_sku FOREIGN KEY(tenant, sku)
        REFERENCES products (tenant, sku) ON DELETE CASCADE
);
ALTER TABLE product_vectors ALTER COLUMN embedding SET STORAGE PLAIN;
CREATE TABLE search_documents (
    tenant TEXT NOT NULL,
    sku TEXT NOT NULL,
    keys BIGINT[] NOT NULL,
    CONSTRAINT pk_search_documents PRIMARY KEY (tenant, sku),
    CONSTRAINT fk_search_documents_tenant_sku FOREIGN KEY(tenant, sku)
        REFERENCES products (tenant, sku) ON DELETE CASCADE
);
CREATE INDEX ix_search_documents_keys ON search_documents USING gin (keys) WITH (gin_pending_list_limit = 1024);
CREATE TABLE search_phrases (
    tenant TEXT NOT NULL,
    phrase TEXT NOT NULL,
    type TEXT NOT NULL,
    target TEXT NOT NULL,
    exact BOOLEAN NOT NULL,
    sound TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_search_phrases PRIMARY KEY (tenant, phrase, type, target),
    CONSTRAINT fk_search_phrases_tenant FOREIGN KEY(tenant) REFERENCES tenants (tenant) ON DELETE CASCADE
);
CREATE INDEX ix_search_phrases_sound ON search_phrases (tenant, sound) WHERE sound <> '';
CREATE TABLE search_spellings (
    tenant TEXT NOT NULL,
    variant TEXT NOT NULL,
    word TEXT NOT NULL,
    CONSTRAINT pk_search_spellings PRIMARY KEY (tenant, variant, word),
    CONSTRAINT fk_search_spellings_tenant FOREIGN KEY(tenant) REFERENCES tenants (tenant) ON DELETE CASCADE
);
CREATE TABLE search_pending (
    tenant TEXT NOT NULL,
    sku TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_search_pending PRIMARY KEY (tenant, sku),
    CONSTRAINT fk_search_pending_tenant_sku FOREIGN KEY(tenant, sku)
        REFERENCES products (tenant, sku) ON DELETE CASCADE
)"""

_FUNCTIONS = (
    """
CREATE FUNCTION search_keys(tenant text, terms text[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT hashtextextended(tenant || chr(31) || term, 0)), '{}') FROM unnest(terms) AS term
$$""",
    """
CREATE FUNCTION search_products_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_documents (tenant, sku, keys)
    SELECT tenant, sku, search_keys(tenant, search_terms) FROM fresh
     WHERE NOT delisted AND cardinality(search_terms) > 0;
    INSERT INTO search_phrases (tenant, phrase, type, target, exact, sound)
    SELECT DISTINCT ON (f.tenant, p.phrase, p.type, coalesce(p.target, f.sku))
           f.tenant, p.phrase, p.type, coalesce(p.target, f.sku), p.exact, p.sound
      FROM fresh f, jsonb_to_recordset(f.search_phrases)
           AS p(phrase text, type text, target text, exact boolean, sound text)
     WHERE NOT f.delisted
     ORDER BY f.tenant, p.phrase, p.type, coalesce(p.target, f.sku), p.exact DESC
    ON CONFLICT DO NOTHING;
    INSERT INTO search_spellings (tenant, variant, word)
    SELECT w.tenant, v.variant, w.word
      FROM (SELECT DISTINCT f.tenant, t.word FROM fresh f, unnest(f.search_words) AS t(word) WHERE NOT f.delisted) w,
           LATERAL (SELECT w.word UNION
                    SELECT left(w.word, i - 1) || substr(w.word, i + 1) FROM generate_series(1, length(w.word)) i
           ) AS v(variant)
     WHERE NOT EXISTS (SELECT 1 FROM search_spellings s
                        WHERE s.tenant = w.tenant AND s.variant = w.word AND s.word = w.word)
     ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING;
    INSERT INTO search_pending (tenant, sku) SELECT tenant, sku FROM fresh WHERE NOT delisted
    ON CONFLICT (tenant, sku) DO UPDATE SET since = now();
    RETURN NULL;
END $$""",
    """
CREATE FUNCTION search_product_forgotten(product products) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_phrases s USING jsonb_to_recordset(product.search_phrases) AS p(phrase text, type text)
     WHERE s.tenant = product.tenant AND s.phrase = p.phrase AND s.type = p.type AND p.type = 'name'
       AND s.target = product.sku;
    PERFORM set_config('voxcart.search', CAST(search_keys(product.tenant, product.search_terms) AS text), true),
            set_config('voxcart.search_all', '{}', true);
    DELETE FROM search_documents WHERE tenant = product.tenant AND sku = product.sku;
    PERFORM set_config('voxcart.search', '', true);
END $$""",
    """
CREATE FUNCTION search_product_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM search_product_forgotten(OLD);
    IF NEW.delisted THEN
        RETURN NULL;
    END IF;
    IF cardinality(NEW.search_terms) > 0 THEN
        INSERT INTO search_documents (tenant, sku, keys)
        VALUES (NEW.tenant, NEW.sku, search_keys(NEW.tenant, NEW.search_terms));
    END IF;
    INSERT INTO search_phrases (tenant, phrase, type, target, exact, sound)
    SELECT NEW.tenant, p.phrase, p.type, coalesce(p.target, NEW.sku), p.exact, p.sound
      FROM jsonb_to_recordset(NEW.search_phrases)
           AS p(phrase text, type text, target text, exact boolean, sound text)
    ON CONFLICT DO NOTHING;
    INSERT INTO search_spellings (tenant, variant, word)
    SELECT NEW.tenant, v.variant, w.word
      FROM unnest(NEW.search_words) AS w(word),
           LATERAL (SELECT w.word UNION
                    SELECT left(w.word, i - 1) || substr(w.word, i + 1) FROM generate_series(1, length(w.word)) i
           ) AS v(variant)
    ON CONFLICT DO NOTHING;
    INSERT INTO search_pending (tenant, sku) VALUES (NEW.tenant, NEW.sku)
    ON CONFLICT (tenant, sku) DO UPDATE SET since = now();
    RETURN NULL;
END $$""",
    """
CREATE FUNCTION search_product_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM search_product_forgotten(OLD);
    RETURN NULL;
END $$""",
    """
CREATE FUNCTION search_vectors_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_pending p USING fresh f WHERE p.tenant = f.tenant AND p.sku = f.sku;
    RETURN NULL;
END $$""",
    """
CREATE TRIGGER search_inserted AFTER INSERT ON products REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION search_products_inserted()""",
    """
CREATE TRIGGER search_updated AFTER UPDATE ON products FOR EACH ROW
    WHEN (OLD.search_terms IS DISTINCT FROM NEW.search_terms OR OLD.delisted <> NEW.delisted
          OR OLD.search_phrases IS DISTINCT FROM NEW.search_phrases
          OR OLD.search_text IS DISTINCT FROM NEW.search_text)
    EXECUTE FUNCTION search_product_updated()""",
    """
CREATE TRIGGER search_deleted AFTER DELETE ON products FOR EACH ROW EXECUTE FUNCTION search_product_deleted()""",
    """
CREATE TRIGGER search_inserted AFTER INSERT ON product_vectors REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION search_vectors_written()""",
    """
CREATE TRIGGER search_updated AFTER UPDATE ON product_vectors REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION search_vectors_written()""",
)
_OLD_ROWS = (
    "INSERT INTO search_documents (tenant, sku, keys) SELECT tenant, sku, search_keys(tenant, search_terms) "
    "FROM products WHERE NOT delisted AND cardinality(search_terms) > 0",
    "INSERT INTO search_pending (tenant, sku) SELECT tenant, sku FROM products WHERE embedding IS NULL",
    "INSERT INTO product_vectors (tenant, sku, embedding) SELECT tenant, sku, CAST(embedding AS halfvec(384)) "
    "FROM products WHERE embedding IS NOT NULL",
    "ALTER TABLE products DROP COLUMN embedding",
    "ALTER TABLE tenants DROP COLUMN lexicon_version",
)
_TABLES = ("product_vectors", "search_phrases", "search_spellings", "search_pending")
_SYSTEM = "(SELECT current_setting('voxcart.mode', true) = 'system' AND current_user <> 'voxcart_shop')"
_SEEN = f"tenant = (SELECT current_setting('voxcart.tenant', true)) OR {_SYSTEM}"


def _named(setting: str) -> str:
    return f"CAST(NULLIF(current_setting('{setting}', true), '') AS bigint[])"


def upgrade() -> None:
    """Adds the tables and triggers and fills them; phrases of older rows are made at the next start."""
    for statement in _STATEMENTS.split(";\n"):
        op.execute(statement)
    for table in (*_TABLES, "search_documents"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for table in _TABLES:
        op.execute(f"CREATE POLICY tenants_apart ON {table} USING ({_SEEN}) WITH CHECK ({_SEEN})")
    matches = f"keys && {_named('voxcart.search')} AND keys @> {_named('voxcart.search_all')}"
    op.execute(f"CREATE POLICY found_by_words ON search_documents FOR SELECT USING (({_SEEN}) AND {matches})")
    op.execute(f"CREATE POLICY tenants_write ON search_documents FOR INSERT WITH CHECK ({_SEEN})")
    op.execute(f"CREATE POLICY tenants_delete ON search_documents FOR DELETE USING ({_SEEN})")
    for function in _FUNCTIONS[:-5]:
        op.execute(function)
    for statement in _OLD_ROWS:
        op.execute(statement)
    for trigger in _FUNCTIONS[-5:]:
        op.execute(trigger)


def downgrade() -> None:
    """Takes tables and triggers away; embeddings move back."""
    for name, table in (
        ("search_inserted", "products"), ("search_updated", "products"), ("search_deleted", "products"),
    ):  # fmt: skip
        op.execute(f"DROP TRIGGER {name} ON {table}")
    op.execute("ALTER TABLE tenants ADD COLUMN lexicon_version TEXT DEFAULT '' NOT NULL")
    op.execute("ALTER TABLE products ADD COLUMN embedding VECTOR(384)")
    op.execute(
        "UPDATE products p SET embedding = CAST(v.embedding AS vector(384)) FROM product_vectors v "
        "WHERE v.tenant = p.tenant AND v.sku = p.sku"
    )
    for table in (*_TABLES, "search_documents"):
        op.execute(f"DROP TABLE {table}")
    for index in ("popularity", "kind", "category", "department", "brand", "price", "rating", "created"):
        op.execute(f"DROP INDEX ix_products_{index}")
    for name in (
        "search_products_inserted()", "search_product_updated()", "search_product_deleted()",
        "search_vectors_written()", "search_product_forgotten(products)", "search_keys(text, text[])",
    ):  # fmt: skip
        op.execute(f"DROP FUNCTION {name}")
    op.execute(
        "ALTER TABLE products DROP COLUMN search_phrases, DROP COLUMN search_words, DROP COLUMN search_version, "
        "DROP COLUMN popularity"
    )
    op.execute("CREATE INDEX ix_products_search_terms ON products USING gin (search_terms)")
    for column, name in (("kind", "kind"), ("category", "category"), ("brand_zh", "brand")):
        op.execute(f"CREATE INDEX ix_products_{name} ON products (tenant, {column})")
