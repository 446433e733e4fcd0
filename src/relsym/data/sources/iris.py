"""Where the names in Wikidata's RDF begin."""

ENTITY_IRI = "http://www.wikidata.org/entity/"
DIRECT_IRI = "http://www.wikidata.org/prop/direct/"
LABEL_IRI = "http://www.w3.org/2000/01/rdf-schema#label"
